"""A set's messages back into images, a robot's state and what is known of the cameras."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from typing import Any

import numpy as np

from visuomotor.contracts import CameraFrame, Float64, RobotState, SyncedFrame
from visuomotor.errors import DataError
from visuomotor.geometry import interpolate_pose
from visuomotor.recording import messages
from visuomotor.recording.bag_reader import Bag, Series, series_of
from visuomotor.recording.compression import decompress_color, decompress_depth

_OBJECT_GAP_NS = 200_000_000


class SetDecoder:
    """Turns one set's messages into a SyncedFrame; called from several threads at once.

    cameras, truths: of which cameras and simulated objects (None: all that the bag has). What comes
    beside the sets (extrinsics, true poses, fingers on a topic of their own) is read at first.
    """

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
        found = series_of(
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
        """The set of this stamp, of its messages by stream; DataError for what is damaged."""
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
