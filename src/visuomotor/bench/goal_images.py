"""Images of goals for evaluations: pictures, episodes, or all of a dataset that end in one goal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError
from visuomotor.generation.coverage import tagged
from visuomotor.recording.catalogue import find_episodes
from visuomotor.recording.sidecar import load_sidecar
from visuomotor.recording.stills import still
from visuomotor.recording.tags import GOAL

MANY = 20
"""Of a dataset, no more are taken."""


def goal_images(sources: Sequence[Path], camera: str, goal: str = "") -> list[UInt8]:
    """One image (H, W, 3) per picture or episode; of a dataset's folder one of each episode.

    goal: of a dataset, only successful episodes with the tag `goal <name>`; "": any. Raises
    DataError where a source has none.
    """
    found: list[UInt8] = []
    for source in sources:
        episodes = [source]
        if source.is_dir() and not any(source.glob("*.mcap")):
            tried = find_episodes(source, None, ("success",))
            episodes = [e for e in tried if not goal or tagged(load_sidecar(e), GOAL) == goal]
            if not episodes:
                raise DataError(
                    f"{source}: got no successful episode with the tag {GOAL + goal!r} among "
                    f"{len(tried)}; expected a picture, an episode or a dataset that shows the goal"
                )
        found += [still(e, camera) for e in episodes[:MANY]]
    return found
