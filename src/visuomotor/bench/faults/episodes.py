"""What became of the episode that was being recorded when a fault came."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visuomotor.errors import DataError
from visuomotor.recording import load_sidecar, open_bag, repair
from visuomotor.recording.bag import PARTIAL

SAME_NS = 1_000_000
OWN_DROPS = ("compression too slow", "disk too slow", "cameras changed")
"""Reasons of a sidecar's drops for what the recorder had received, but did not write."""

Kept = Literal["kept", "repaired", "none"]


@dataclass(frozen=True)
class Recorded:
    """What there is of an episode.

    lost: sets that the recorder had, or would have had, and that are not in it. missed: sets that
    came to others while it was recorded, but to the recorder not, or not complete.
    """

    kind: Kept
    sets: int
    lost: int
    missed: int


def recorded(episode: Path, heard: Sequence[int], ended_ns: int | None) -> Recorded:
    """What there is of an episode, after repairing it if need be.

    heard: stamps in ns of the sets that came meanwhile. ended_ns: when the recorder, or its disk,
    gave out; None where it was asked to stop.
    """
    kind: Kept = "kept"
    if not episode.is_dir():
        try:
            repair(episode.with_name(episode.name + PARTIAL))
        except DataError:
            return Recorded("none", 0, len(heard), 0)
        kind = "repaired"
    stamps = set_stamps(episode)
    drops = load_sidecar(episode).drops
    lost = sum(drops.get(reason, 0) for reason in OWN_DROPS)
    if ended_ns is not None:
        lost += sum(stamps[-1] + SAME_NS < s <= ended_ns for s in heard)
    return Recorded(kind, len(stamps), lost, missed(stamps, heard))


def set_stamps(episode: Path) -> list[int]:
    """The stamps in ns of an episode's sets; DataError if it has none."""
    with open_bag(episode) as bag:
        topic = f"{bag.layout().namespace}/synced/current_pose"
        return sorted(stamp for stamp, _, _, _ in bag.raw({topic}))


def missed(stamps: Sequence[int], heard: Sequence[int]) -> int:
    """How many of the sets heard from the first stamp to the last are not among the stamps."""
    known = {round(s / SAME_NS) for s in stamps}
    return sum(round(s / SAME_NS) not in known for s in heard if stamps[0] <= s <= stamps[-1])


def remove(episode: Path) -> None:
    """Deletes an episode, finished or not."""
    for folder in (episode, episode.with_name(episode.name + PARTIAL)):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
