"""`visuomotor bench sync`: sets emitted of the sets that could be, and CPU per message."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.results import save_result
from visuomotor.contracts import StampedImage
from visuomotor.geometry import PinholeCamera
from visuomotor.sync import FrameSynchroniser, SyncConfig

CAMERAS = ("front", "side", "wrist")
IMAGE_STREAMS = tuple(f"{camera}/{kind}" for camera in CAMERAS for kind in ("color", "depth"))
ROBOT_STREAMS = ("pose", "joints", "gripper")
LOSSES = (0.0, 0.05, 0.2)
SEEDS = (0, 1, 2)
SECONDS = 60
ROBOT_HZ = 100.0
STAMP_JITTER_MS = 3.0
DELAY_MS = (2.0, 30.0)
MS = 1e6


@dataclass(frozen=True)
class Recording:
    """(arrival_ns, stream, stamp_ns) in the order of arrival; the sets that could be made of it."""

    messages: list[tuple[int, str, int]]
    possible: int


def simulate(
    loss: float, seed: int, rate_hz: float = 20.0, seconds: int | None = None
) -> Recording:
    """Three cameras triggered together, with jitter in stamps and in delays, and the robot.

    A set could be where every image of a trigger arrived and the robot has samples around it no
    more than 100 ms apart (250 ms for the gripper); of triggers faster than 20 Hz, at most as
    many as 50 ms slots that hold one.
    """
    seconds = SECONDS if seconds is None else seconds
    rng = np.random.default_rng(seed)
    messages: list[tuple[int, str, int]] = []
    robot: dict[str, list[int]] = {}
    begin = 10**18
    for stream in ROBOT_STREAMS:
        count = int((seconds + 1) * ROBOT_HZ)
        ticks = begin - 5 * 10**8 + (np.arange(count) * 1e9 / ROBOT_HZ).astype(np.int64)
        robot[stream] = ticks[rng.random(count) >= loss].tolist()
        messages += [(s + int(rng.uniform(0.5, 5) * MS), stream, s) for s in robot[stream]]
    complete: list[int] = []
    for i in range(int(seconds * rate_hz)):
        trigger = begin + round(i * 1e9 / rate_hz)
        stamps = {c: trigger + int(rng.uniform(-1, 1) * STAMP_JITTER_MS * MS) for c in CAMERAS}
        kept = rng.random(len(IMAGE_STREAMS)) >= loss
        for stream, here in zip(IMAGE_STREAMS, kept, strict=True):
            stamp = stamps[stream.split("/")[0]]
            if here:
                messages.append((stamp + int(rng.uniform(*DELAY_MS) * MS), stream, stamp))
        middle = (min(stamps.values()) + max(stamps.values())) // 2
        if kept.all() and all(_bracketed(robot[s], middle, s) for s in ROBOT_STREAMS):
            complete.append(trigger)
    if rate_hz <= 20.0:
        possible = len(complete)
    else:
        possible = len({(t - begin + 1) // 50_000_000 for t in complete})
    return Recording(sorted(messages), possible)


def feed(recording: Recording) -> tuple[FrameSynchroniser, float]:
    """The synchroniser after all of it, and the CPU seconds it took."""
    sync = FrameSynchroniser(SyncConfig(CAMERAS))
    color, depth = np.zeros((480, 640, 3), np.uint8), np.zeros((480, 640), np.uint16)
    for camera in CAMERAS:
        sync.set_camera(camera, PinholeCamera.from_fovy(640, 480, 0.8))
        sync.set_extrinsics(camera, np.eye(4))
    T, q = np.eye(4), np.zeros(7)
    began = time.process_time()
    for now_ns, stream, stamp_ns in recording.messages:
        if stream == "pose":
            sync.add_pose(stamp_ns, T, now_ns)
        elif stream == "joints":
            sync.add_joints(stamp_ns, q, q, now_ns)
        elif stream == "gripper":
            sync.add_gripper(stamp_ns, 0.04, now_ns)
        else:
            camera, kind = stream.split("/")
            if kind == "color":
                sync.add_color(camera, StampedImage(stamp_ns, color, camera, now_ns))
            else:
                sync.add_depth(camera, StampedImage(stamp_ns, depth, camera, now_ns))
        sync.poll(now_ns)
    spent = time.process_time() - began
    sync.poll(recording.messages[-1][0] + 10**9)
    return sync, spent


def nearest_newest(recording: Recording) -> int:
    """Sets of the usual shortcut: at each first colour, the newest message of every other stream.

    A set counts if all of them lie within the same tolerance (12.5 ms of the middle).
    """
    newest: dict[str, int] = {}
    sets = 0
    for _, stream, stamp_ns in recording.messages:
        newest[stream] = max(stamp_ns, newest.get(stream, 0))
        if stream == IMAGE_STREAMS[0] and len(newest) == len(IMAGE_STREAMS) + len(ROBOT_STREAMS):
            stamps = [newest[s] for s in IMAGE_STREAMS]
            sets += max(stamps) - min(stamps) <= 25 * MS
    return sets


def run(out: Path) -> dict[str, Any]:
    """Writes `sync.json` into the folder `out` (or to `out` itself where it ends in .json)."""
    figures: dict[str, Any] = {}
    for loss in LOSSES:
        recordings = [simulate(loss, seed) for seed in SEEDS]
        runs = [feed(r) for r in recordings]
        stats = [
            sync.stats(r.messages[-1][0]) for (sync, _), r in zip(runs, recordings, strict=True)
        ]
        possible = sum(r.possible for r in recordings)
        emitted = sum(s.emitted for s in stats)
        messages = sum(len(r.messages) for r in recordings)
        figures[f"loss_{loss:.0%}"] = {
            "sets_possible": possible,
            "sets_emitted": emitted,
            "fraction": emitted / max(possible, 1),
            "newest_of_each_sets": sum(nearest_newest(r) for r in recordings),
            "cpu_us_per_message": 1e6 * sum(spent for _, spent in runs) / messages,
            "latency_ms_p50_p95_max": _worst(s.latency_ms for s in stats),
            "skew_ms_p50_p95_max": _worst(s.streams["front/color"].skew_ms for s in stats),
        }
    fast = [simulate(0.05, seed, 60.0) for seed in SEEDS]
    figures["loss_5%_60_hz"] = {
        "slots_with_a_complete_set": sum(r.possible for r in fast),
        "sets_emitted": sum(feed(r)[0].stats(0).emitted for r in fast),
    }
    path = out if out.suffix == ".json" else out / "sync.json"
    return save_result(
        path,
        figures,
        "Loss itself: a set needs all six images of a trigger. Latency is the largest of six "
        f"delays drawn from {DELAY_MS[0]:g}-{DELAY_MS[1]:g} ms, and a robot sample's; CPU is "
        "Python's own, images are passed on and not touched.",
        "visuomotor bench sync",
        SEEDS,
    )


def _bracketed(stamps: list[int], stamp_ns: int, stream: str) -> bool:
    i = bisect_left(stamps, stamp_ns)
    bound = 250 * MS if stream == "gripper" else 100 * MS
    return 0 < i < len(stamps) and stamps[i] - stamps[i - 1] <= bound


def _worst(values: Iterable[tuple[float, float, float] | None]) -> list[float]:
    """Per percentile the largest of the runs."""
    return [max(v) for v in zip(*(v for v in values if v is not None), strict=True)]
