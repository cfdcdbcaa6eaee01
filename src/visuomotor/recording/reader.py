"""Episodes back into plain data: sets, actions, and raw messages."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader

from visuomotor.config import read_yaml
from visuomotor.contracts import CameraFrame, Float64, RobotState, SyncedFrame
from visuomotor.errors import DataError, shown
from visuomotor.geometry import interpolate_pose
from visuomotor.recording import messages
from visuomotor.recording.compression import decompress_color, decompress_depth
from visuomotor.recording.schema import expected_type, parse_camera_topic, typestore

Int64 = NDArray[np.int64]

Series = list[tuple[int, Any]]
"""(stamp in ns, value) in order of the stamps."""
Span = tuple[int, int]

_LOGGED_WITHIN_NS = 1_000_000_000  # of the stamp, by whichever recorder
_PENDING_SETS = 40
_DECODE_AHEAD = 8
_OBJECT_GAP_NS = 200_000_000
_REPAIR = "run `visuomotor episodes repair` if it was being recorded"


@dataclass(frozen=True)
class BagLayout:
    """Which streams a bag has: camera name -> with depth?, and the namespace before them all."""

    namespace: str
    cameras: dict[str, bool]


class Bag:
    """An open bag: its layout, and its messages in order of time."""

    def __init__(self, reader: Any, episode: Path) -> None:
        self._reader = reader
        self.episode = episode

    @property
    def topics(self) -> dict[str, str]:
        """Topic -> message type of everything in the bag."""
        return {c.topic: c.msgtype for c in self._reader.connections}

    @property
    def logged_ns(self) -> Span:
        """From the first message's log time to after the last one's."""
        return self._reader.start_time, self._reader.end_time + 1

    def layout(self) -> BagLayout:
        """The cameras; DataError naming what is missing if a set could never be complete."""
        found: dict[str, set[str]] = {}
        namespaces: set[str] = set()
        for topic in self.topics:
            parsed = parse_camera_topic(topic)
            if parsed is not None:
                namespaces.add(parsed[0])
                found.setdefault(parsed[1], set()).add(parsed[2])
        if not found:
            some = ", ".join(sorted(self.topics)[:6]) or "none"
            raise DataError(
                f"{self.episode}: no camera in this bag: expected topics "
                f"/synced/<camera>/color/compressed, got {some}"
            )
        if len(namespaces) > 1:
            raise DataError(f"{self.episode}: got several namespaces {namespaces}, expected one")
        namespace = namespaces.pop()
        needed = [f"{namespace}/synced/current_pose", f"{namespace}/synced/joint_states"]
        for camera in found:
            needed += [f"{namespace}/{camera}/extrinsics"]
            base = f"{namespace}/synced/{camera}"
            needed += [f"{base}/camera_info", f"{base}/color/compressed"]
        missing = [t for t in needed if not self.count(t)]
        if missing:
            raise DataError(
                f"{self.episode}: no message on {', '.join(missing)}; "
                "expected every stream of the sets: record all of them"
            )
        depth = {
            c: bool(self.count(f"{namespace}/synced/{c}/depth/compressedDepth")) for c in found
        }
        return BagLayout(namespace, depth)

    def count(self, topic: str) -> int:
        """How many messages a topic has."""
        return sum(c.msgcount for c in self._reader.connections if c.topic == topic)

    def raw(
        self, topics: set[str] | None = None, span_ns: Span | None = None
    ) -> Iterator[tuple[int, str, str, bytes]]:
        """(log time in ns, topic, type, CDR) of the topics (None: all) logged within the span."""
        start, stop = (None, None) if span_ns is None else span_ns
        chosen = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not chosen:
            return
        try:
            for connection, time_ns, data in self._reader.messages(chosen, start, stop):
                yield time_ns, connection.topic, connection.msgtype, bytes(data)
        except Exception as error:  # zstd's, lz4's and struct's pass through rosbags
            raise DataError(
                f"{self.episode}: the bag is damaged: {_said(error)}; {_REPAIR}"
            ) from error

    def read(self, topics: set[str], span_ns: Span | None = None) -> Iterator[tuple[str, Any]]:
        """(topic, message) of the topics, logged within the span; DataError for a foreign type."""
        for c in self._reader.connections:
            expected = expected_type(c.topic) if c.topic in topics else None
            if expected not in (None, c.msgtype):
                raise DataError(
                    f"{self.episode}: got {c.msgtype} on {c.topic}, expected {expected}; record "
                    "the topics of an episode with their own types"
                )
        for _, topic, msgtype, data in self.raw(topics, span_ns):
            try:
                yield topic, self._reader.deserialize(data, msgtype)
            except Exception as error:  # rosbags raises whatever struct and numpy raise
                raise DataError(
                    f"{self.episode}: unreadable message on {topic}: {error}"
                ) from error


@contextmanager
def open_bag(episode: Path | str) -> Iterator[Bag]:
    """Opens an episode's bag; DataError for a folder that holds none, or a damaged one."""
    episode = Path(episode)
    if not (episode / "metadata.yaml").is_file():
        why = _REPAIR if episode.is_dir() else "no such folder"
        raise DataError(f"{episode}: no bag here (metadata.yaml is missing); {why}")
    try:
        _check_file(episode / "metadata.yaml")
        reader = AnyReader([episode], default_typestore=typestore())
        reader.open()
        try:
            _check_metadata(reader)
        except BaseException:
            reader.close()
            raise
    except Exception as error:  # rosbags lets KeyError and struct.error through for foreign files
        raise DataError(
            f"{episode}: not a readable rosbag2 bag: {_said(error)}; {_REPAIR}"
        ) from error
    try:
        yield Bag(reader, episode)
    finally:
        reader.close()


def _check_file(path: Path) -> None:
    """Raises ConfigError for values without end, ValueError for what rosbags could not close."""
    values = read_yaml(path).get("rosbag2_bagfile_information")
    files = values.get("files", []) if isinstance(values, dict) else []
    if not isinstance(files, list):
        raise ValueError(f"got the files {shown(files)}, expected a list")


def _check_metadata(reader: Any) -> None:
    """ValueError for what is of another kind in metadata.yaml, which rosbags takes as it is."""
    for c in reader.connections:
        if not isinstance(c.topic, str):
            raise ValueError(f"got a topic called {shown(c.topic)}")
        if not isinstance(c.msgtype, str):
            raise ValueError(f"got the type {shown(c.msgtype)} of {shown(c.topic)}")
        if not _is_count(c.msgcount):
            raise ValueError(f"got {shown(c.msgcount)} messages on {shown(c.topic)}")
    times_ns = reader.start_time, reader.end_time
    if not all(_is_count(time_ns) for time_ns in times_ns):
        raise ValueError(
            f"got messages from {shown(times_ns[0])} to {shown(times_ns[1])}, expected nanoseconds"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _opened(episode: Path | str | Bag) -> AbstractContextManager[Bag]:
    return nullcontext(episode) if isinstance(episode, Bag) else open_bag(episode)


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
        decode = _Decoder(bag, cameras, objects)
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
        found = _series(bag, {target: messages.pose_of, gripper: _width})
    poses, widths = found[target], found[gripper]
    stamps = np.array([s for s, _ in poses], np.int64)
    T = np.array([p for _, p in poses], np.float64).reshape(-1, 4, 4)
    return stamps, T, hold(widths, stamps)


def read_gripper_commands(episode: Path | str | Bag) -> tuple[Int64, Float64]:
    """The accepted gripper commands: stamps (M,) ns and full widths (M,) in m."""
    with _opened(episode) as bag:
        namespace = bag.layout().namespace
        topic = f"{namespace}/command/gripper"
        widths = _series(bag, {topic: _width})[topic]
    return np.array([s for s, _ in widths], np.int64), np.array([w for _, w in widths], np.float64)


def hold(series: list[tuple[int, float]], stamps: Int64) -> Float64:
    """The newest value of (stamp, value) pairs not after each stamp; NaN before the first."""
    values = np.array([np.nan, *(v for _, v in series)], np.float64)
    index = np.searchsorted(np.array([s for s, _ in series], np.int64), stamps, side="right")
    held: Float64 = values[index]
    return held


class _Decoder:
    """Turns one set's messages into a SyncedFrame; called from several threads at once."""

    def __init__(
        self, bag: Bag, cameras: Collection[str] | None, truths: Collection[str] | None
    ) -> None:
        self.episode = bag.episode
        self.layout = bag.layout()
        self._cameras = [n for n in self.layout.cameras if cameras is None or n in cameras]
        namespace = self.layout.namespace
        fingers = f"{namespace}/gripper/joint_states"
        extrinsics = {n: f"{namespace}/{n}/extrinsics" for n in self.layout.cameras}
        objects = {
            parsed.group(1): topic
            for topic in bag.topics
            if (parsed := re.fullmatch(rf"{re.escape(namespace)}/sim/objects/(\w+)/pose", topic))
        }
        if truths is not None and set(truths) <= set(objects):  # else an error will name them all
            objects = {name: objects[name] for name in truths}
        found = _series(
            bag,
            {
                fingers: messages.width_of,
                **dict.fromkeys(extrinsics.values(), messages.transform_of),
                **dict.fromkeys(objects.values(), messages.pose_of),
            },
        )
        # Of other recorders the fingers may come on their own topic, at their own stamps.
        known = [(s, w) for s, w in found[fingers] if w is not None]
        self._origin = known[0][0] if known else 0  # float64 holds a difference, not a stamp
        self._gripper_s = np.array([s - self._origin for s, _ in known], np.float64)
        self._gripper_m = np.array([w for _, w in known], np.float64)
        self._extrinsics = {
            name: ([s for s, _ in found[topic]], [T for _, T in found[topic]])
            for name, topic in extrinsics.items()
        }
        self._objects = {name: _Poses(found[topic]) for name, topic in objects.items()}

    def __call__(self, stamp_ns: int, parts: dict[str, Any]) -> SyncedFrame:
        where = f"{self.episode}: set {stamp_ns}"
        try:
            q, dq = messages.joints_of(parts["joint_states"])
        except ValueError as error:
            raise DataError(f"{where}: {error}") from error
        width_m = messages.width_of(parts["joint_states"])
        if width_m is None:
            if not len(self._gripper_s):
                raise DataError(
                    f"{where}: no gripper width: expected two finger joints in "
                    "/synced/joint_states or on /gripper/joint_states; record one of them"
                )
            width_m = float(np.interp(stamp_ns - self._origin, self._gripper_s, self._gripper_m))
        robot = RobotState(stamp_ns, messages.pose_of(parts["current_pose"]), q, dq, width_m)
        cameras = {n: self._camera(n, stamp_ns, parts) for n in self._cameras}
        objects = {n: T for n, s in self._objects.items() if (T := s.at(stamp_ns)) is not None}
        return SyncedFrame(stamp_ns, cameras, robot, objects=objects)

    def _camera(self, name: str, stamp_ns: int, parts: dict[str, Any]) -> CameraFrame:
        where = f"{self.episode}: camera {name}, set {stamp_ns}"
        try:
            camera = messages.camera_of(parts[f"{name}/camera_info"])
        except ValueError as error:
            raise DataError(f"{where}: {error}") from error
        depth = parts.get(f"{name}/depth/compressedDepth")
        stamps, poses = self._extrinsics[name]
        if not poses:
            raise DataError(
                f"{where}: no readable message on its extrinsics, though metadata.yaml counts "
                "some; the bag is damaged, record the episode again"
            )
        newest = max(bisect_right(stamps, stamp_ns) - 1, 0)
        return CameraFrame(
            decompress_color(parts[f"{name}/color/compressed"].data, where),
            None if depth is None else decompress_depth(depth.data, depth.format, where),
            camera,
            poses[newest],
        )


class _Poses:
    """A stream of poses that is asked for instants between its samples."""

    def __init__(self, series: Series) -> None:
        self._stamps = [s for s, _ in series]
        self._poses: list[Float64] = [T for _, T in series]

    def at(self, stamp_ns: int) -> Float64 | None:
        """The pose (4, 4) then; None where the samples around it are too far away."""
        after = bisect_left(self._stamps, stamp_ns)
        if after < len(self._stamps) and self._stamps[after] == stamp_ns:
            return self._poses[after]
        if not 0 < after < len(self._stamps):  # an episode's first and last sets
            near = self._stamps[max(after - 1, 0)] if self._stamps else -_OBJECT_GAP_NS
            return self._poses[max(after - 1, 0)] if abs(near - stamp_ns) < _OBJECT_GAP_NS else None
        start, stop = self._stamps[after - 1], self._stamps[after]
        if stop - start > _OBJECT_GAP_NS:
            return None
        share = (stamp_ns - start) / (stop - start)
        return interpolate_pose(self._poses[after - 1], self._poses[after], share)


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


def _series(bag: Bag, topics: Mapping[str, Callable[[Any], Any]]) -> dict[str, Series]:
    """(stamp, value) of small topics, each by stamp, in one pass; topics say how each is read."""
    found: dict[str, Series] = {topic: [] for topic in topics}
    for topic, message in bag.read(set(topics)):
        try:
            found[topic].append((messages.stamp_of(message), topics[topic](message)))
        except IndexError as error:
            raise DataError(f"{bag.episode}: {topic}: a JointState without positions") from error
    return {topic: sorted(series, key=lambda item: item[0]) for topic, series in found.items()}


def _said(error: Exception) -> str:
    """An error's text, which some lack."""
    return str(error) or type(error).__name__


def _width(message: Any) -> float:
    return float(message.position[0])
