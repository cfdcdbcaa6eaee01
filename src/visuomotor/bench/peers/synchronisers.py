"""Sets of nine streams with losses: our synchroniser and message_filters' approximate one."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from visuomotor.bench.alternation import ratio, turns
from visuomotor.bench.peers.effort import Effort
from visuomotor.bench.sync import (
    IMAGE_STREAMS,
    LOSSES,
    ROBOT_STREAMS,
    SEEDS,
    STAMP_JITTER_MS,
    Recording,
    feed,
    simulate,
)
from visuomotor.errors import MissingDependencyError

STREAMS = (*IMAGE_STREAMS, *ROBOT_STREAMS)
QUEUE = 10
"""Messages kept of each stream: what most examples write, and as much as the delays need here."""
SLOPS_MS = (10, 25, 50)
"""25: what our tolerance of 12.5 ms about a set's middle allows between its ends."""


def measure(effort: Effort) -> dict[str, Any]:
    """Sets and CPU time of either; MissingDependencyError where message_filters is not."""
    library = message_filters()
    return {
        "version": _version(Path(str(library.__file__))),
        "seconds": effort.loss_s * len(SEEDS),
        "queue": QUEUE,
        "losses": {
            f"{loss:.0%}": _losing(
                library, [simulate(loss, s, seconds=effort.loss_s) for s in SEEDS]
            )
            for loss in LOSSES
        },
    }


def message_filters() -> Any:
    """The module; MissingDependencyError says where it comes from."""
    try:
        return importlib.import_module("message_filters")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"no message_filters here ({error}): a ROS distribution has it "
            "(ros-DISTRO-message-filters), PyPI has none; or name the folder of its Python source "
            "in PYTHONPATH"
        ) from error


def _losing(library: Any, recordings: list[Recording]) -> dict[str, Any]:
    """Sets of all recordings, and microseconds of CPU a message, by turns."""
    sets: dict[str, int] = {}
    found: dict[str, list[ApproximateSet]] = {}

    def ours() -> float:
        runs = [feed(r) for r in recordings]
        sets["ours"] = sum(sync.stats(0).emitted for sync, _ in runs)
        return sum(spent for _, spent in runs)

    def theirs(slop_ms: int) -> float:
        runs = [approximate(library, r, slop_ms) for r in recordings]
        name = f"slop_{slop_ms}_ms"
        found[name] = [one for these, _ in runs for one in these]
        sets[name] = len(found[name])
        return sum(spent for _, spent in runs)

    ways: dict[str, Callable[[], float]] = {"ours": ours}
    ways |= {f"slop_{s}_ms": partial(theirs, s) for s in SLOPS_MS}
    spent_s = turns(ways, 2)
    count = sum(len(r.messages) for r in recordings)
    return {
        "sets_possible": sum(r.possible for r in recordings),
        "sets": sets,
        "of_several_triggers": {n: sum(one.mixed for one in these) for n, these in found.items()},
        "cpu_us_per_message": {
            n: round(1e6 * float(np.median(s)) / count, 1) for n, s in spent_s.items()
        },
        "cpu_over_ours": {n: ratio(s, spent_s["ours"]) for n, s in spent_s.items() if n != "ours"},
        "pose_off_images_ms_p50_p95": {
            n: np.percentile([one.pose_off_ms for one in these], (50, 95)).round(2).tolist()
            for n, these in found.items()
            if these
        },
    }


@dataclass(frozen=True)
class ApproximateSet:
    """mixed: its images are of several triggers. pose_off_ms: its pose from their middle.

    Ours interpolates the pose to the middle; ApproximateTimeSynchronizer takes a message near it.
    """

    mixed: bool
    pose_off_ms: float


def approximate(
    library: Any, recording: Recording, slop_ms: float
) -> tuple[list[ApproximateSet], float]:
    """The sets of message_filters' ApproximateTimeSynchronizer, and the CPU seconds of all."""
    sources = {name: library.SimpleFilter() for name in STREAMS}
    synchroniser = library.ApproximateTimeSynchronizer(list(sources.values()), QUEUE, slop_ms / 1e3)
    found: list[ApproximateSet] = []
    images, pose = len(IMAGE_STREAMS), len(IMAGE_STREAMS) + ROBOT_STREAMS.index("pose")

    def complete(*messages: Any) -> None:
        stamps = [m.stamp_ns for m in messages]
        first, last = min(stamps[:images]), max(stamps[:images])
        apart_ms = abs(stamps[pose] - (first + last) / 2) / 1e6
        found.append(ApproximateSet((last - first) / 1e6 > 2 * STAMP_JITTER_MS, apart_ms))

    synchroniser.registerCallback(complete)
    messages = list(_messages(recording))
    began = time.process_time()
    for stream, message in messages:
        sources[stream].signalMessage(message)
    return found, time.process_time() - began


def _messages(recording: Recording) -> Iterator[tuple[str, Any]]:
    """Each message with its header's stamp, all that a synchroniser looks at, made beforehand."""
    from builtin_interfaces.msg import Time

    for _, stream, stamp_ns in recording.messages:
        stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        yield stream, SimpleNamespace(header=SimpleNamespace(stamp=stamp), stamp_ns=stamp_ns)


def _version(module: Path) -> str:
    """Of the package.xml beside a source tree, or of a distribution's share folder."""
    for folder in module.parents[:6]:
        for path in (folder / "package.xml", folder / "share/message_filters/package.xml"):
            if path.is_file():
                found = re.search(r"<version>([^<]+)</version>", path.read_text())
                if found:
                    return found.group(1)
    return "unknown"
