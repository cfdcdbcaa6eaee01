"""Episodes back into plain data: sets and actions."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64, SyncedFrame
from visuomotor.recording import messages
from visuomotor.recording.bag_reader import Bag, BagLayout, Span, open_bag, series_of
from visuomotor.recording.decoder import SetDecoder

Int64 = NDArray[np.int64]

_LOGGED_WITHIN_NS = 1_000_000_000  # of the stamp, by whichever recorder
_PENDING_SETS = 40
_DECODE_AHEAD = 8


def read_frames(
    episode: Path | str | Bag,
    span_ns: Span | None = None,
    cameras: Collection[str] | None = None,
    objects: Collection[str] | None = None,
) -> Iterator[SyncedFrame]:
    """The sets of an episode in order of their stamps; incomplete sets are left out.

    episode: its folder, or its bag, already open, which saves most of the time of a short episode.
    span_ns: only the sets stamped from its start to before its end; no other is decoded.
    cameras, objects: only these are decoded (None: all of the bag's).

    Works on every bag with the topics of `schema`, whatever its cameras are called. The
    extrinsics of a set are the newest not after it (the first, before that). Trims are not
    applied: stamps are the bag's own. True poses of a simulation's objects, where the bag has
    them, are interpolated to the set. Raises DataError for missing topics and damaged images.
    """
    with _opened(episode) as bag, ThreadPoolExecutor(2, "decode") as pool:
        ahead: deque[Future[SyncedFrame]] = deque()
        decode = SetDecoder(bag, cameras, objects)
        try:
            for stamp_ns, parts in _complete_sets(bag, decode.layout, span_ns):
                ahead.append(pool.submit(decode, stamp_ns, parts))
                if len(ahead) >= _DECODE_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def read_actions(episode: Path | str | Bag) -> tuple[Int64, Float64, Float64]:
    """The accepted targets: stamps (M,) ns, poses (M, 4, 4) in base, widths (M,) in m.

    The width of a target is the newest commanded one not after it, NaN before the first.
    """
    with _opened(episode) as bag:
        namespace = bag.layout().namespace
        target, gripper = f"{namespace}/command/target_pose", f"{namespace}/command/gripper"
        found = series_of(bag, {target: messages.pose_of, gripper: _width})
    poses, widths = found[target], found[gripper]
    stamps = np.array([s for s, _ in poses], np.int64)
    T = np.array([p for _, p in poses], np.float64).reshape(-1, 4, 4)
    return stamps, T, hold(widths, stamps)


def read_gripper_commands(episode: Path | str | Bag) -> tuple[Int64, Float64]:
    """The accepted gripper commands: stamps (M,) ns and full widths (M,) in m."""
    with _opened(episode) as bag:
        namespace = bag.layout().namespace
        topic = f"{namespace}/command/gripper"
        widths = series_of(bag, {topic: _width})[topic]
    return np.array([s for s, _ in widths], np.int64), np.array([w for _, w in widths], np.float64)


def hold(series: list[tuple[int, float]], stamps: Int64) -> Float64:
    """The newest value of (stamp, value) pairs not after each stamp; NaN before the first."""
    values = np.array([np.nan, *(v for _, v in series)], np.float64)
    index = np.searchsorted(np.array([s for s, _ in series], np.int64), stamps, side="right")
    held: Float64 = values[index]
    return held


def _opened(episode: Path | str | Bag) -> AbstractContextManager[Bag]:
    return nullcontext(episode) if isinstance(episode, Bag) else open_bag(episode)


def _complete_sets(
    bag: Bag, layout: BagLayout, span_ns: Span | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """(stamp, messages by stream) of every stamp that all streams have; joined by header stamp.

    Bags of other recorders are ordered by receipt, so a set's messages need not be neighbours.
    """
    prefix = f"{layout.namespace}/synced/"
    streams = {"current_pose", "joint_states"}
    for camera, depth in layout.cameras.items():
        streams |= {f"{camera}/camera_info", f"{camera}/color/compressed"}
        streams |= {f"{camera}/depth/compressedDepth"} if depth else set()
    pending: dict[int, dict[str, Any]] = {}
    first, last = (0, 2**63 - 1) if span_ns is None else span_ns
    logged = None if span_ns is None else (first - _LOGGED_WITHIN_NS, last + _LOGGED_WITHIN_NS)
    for topic, message in bag.read({prefix + s for s in streams}, logged):
        stamp = messages.stamp_of(message)
        parts = pending.setdefault(stamp, {})
        parts[topic.removeprefix(prefix)] = message
        if len(parts) == len(streams):
            done = pending.pop(stamp)
            if first <= stamp < last:
                yield stamp, done
            for old in [s for s in pending if s < stamp]:  # never complete any more
                del pending[old]
        elif len(pending) > _PENDING_SETS:
            del pending[min(pending)]


def _width(message: Any) -> float:
    return float(message.position[0])
