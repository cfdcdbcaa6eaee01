"""The newest poses of objects, for policies that are told them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import PointCloud2

from visuomotor.contracts import BASE_FRAMES, Float64
from visuomotor.errors import DataError
from visuomotor.geometry import pose
from visuomotor.ros import topics
from visuomotor.ros.markers import keypoints_from_cloud
from visuomotor.ros.messages import pose_from_msg, stamp_ns_of
from visuomotor.ros.polled import PolledSubscription

CONFIDENT = 0.5
"""Keypoints of less confidence do not say where an object is."""


class ObjectPoses:
    """Follows `sim/objects/<name>/pose`, which a real cell's estimator is remapped to.

    keypoints: instead, the first name's object stands where the mean of these descriptor keypoints
    is. One thread at a time may call `drain`.
    """

    def __init__(self, node: Node, names: Sequence[str], keypoints: Sequence[int] = ()) -> None:
        self.names = tuple(names)
        self._node, self._keypoints = node, list(keypoints)
        self._newest: dict[str, tuple[int, Float64]] = {}
        listened = [n for i, n in enumerate(names) if i > 0 or not keypoints]
        self._polled = [
            PolledSubscription(
                node, PoseStamped, topics.object_pose(name), topics.NEWEST_STATE, self._taker(name)
            )
            for name in listened
        ]
        if keypoints and names:
            self._polled.append(
                PolledSubscription(
                    node, PointCloud2, topics.KEYPOINTS, topics.RELIABLE, self._take_keypoints
                )
            )

    def drain(self) -> None:
        """Takes what waits."""
        for polled in self._polled:
            polled.drain()

    def at(self, stamp_ns: int, max_age_s: float) -> dict[str, Float64]:
        """T_base_object (4, 4) of those that are known, no older than that (0: any age)."""
        return {
            name: T
            for name, (seen_ns, T) in self._newest.items()
            if max_age_s == 0 or (stamp_ns - seen_ns) * 1e-9 <= max_age_s
        }

    def _taker(self, name: str) -> Callable[[PoseStamped], None]:
        def take(msg: PoseStamped) -> None:
            try:
                if msg.header.frame_id not in BASE_FRAMES:
                    raise DataError(
                        f"got frame_id {msg.header.frame_id!r}, expected one of "
                        f"{', '.join(BASE_FRAMES)}"
                    )
                self._newest[name] = (stamp_ns_of(msg), pose_from_msg(msg))
            except DataError as error:
                self._complain(topics.object_pose(name), error)

        return take

    def _take_keypoints(self, msg: PointCloud2) -> None:
        try:
            points, confidence = keypoints_from_cloud(msg)
            outside = [k for k in self._keypoints if not 0 <= k < len(points)]
            if outside:
                raise DataError(f"got {len(points)} keypoints, expected numbers {outside} too")
            kept = [k for k in self._keypoints if confidence[k] >= CONFIDENT]
            kept = [k for k in kept if np.isfinite(points[k]).all()]
            if kept:
                place = points[kept].mean(axis=0)
                self._newest[self.names[0]] = (stamp_ns_of(msg), pose(position=place))
        except DataError as error:
            self._complain(topics.KEYPOINTS, error)

    def _complain(self, topic: str, error: DataError) -> None:
        self._node.get_logger().error(f"{topic}: {error}", throttle_duration_sec=5.0)
