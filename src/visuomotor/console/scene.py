"""What the graph says of the scene in space: arm, target, keypoints, markers."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState, PointCloud2
from visualization_msgs.msg import Marker, MarkerArray

from visuomotor.console.arm import link_poses
from visuomotor.console.wanted import WantedTopics, Watch
from visuomotor.contracts import Float64
from visuomotor.ros import topics
from visuomotor.ros.markers import keypoints_from_cloud
from visuomotor.ros.messages import gripper_width_from_msg, joints_from_msg, pose_from_msg

FRESH_POLLS = 5
"""What was not said again within so many polls is not drawn: nobody means it any more."""


class SceneState:
    """The newest of everything that is drawn in space; `poll` is one thread's."""

    def __init__(self, node: Node, watch: Watch) -> None:
        self.T_base_ee: Float64 | None = None
        self._q: Float64 | None = None
        self._width_m = 0.0
        self._fresh: dict[str, tuple[int, Any]] = {}
        self._polls = 0
        self._streams = WantedTopics(
            node,
            watch,
            topics.NEWEST_STATE,
            [
                (PoseStamped, topics.CURRENT_POSE, self._take_pose),
                (JointState, topics.JOINT_STATES, self._take_joints),
                (JointState, topics.GRIPPER_JOINT_STATES, self._take_gripper),
                (PoseStamped, topics.COMMAND_POSE, self._take_target),
                (MarkerArray, topics.POLICY_MARKERS, self._take_markers),
                (PointCloud2, topics.KEYPOINTS, self._take_keypoints),
            ],
            lambda text: node.get_logger().error(text, throttle_duration_sec=5.0),
        )

    def poll(self) -> None:
        """Takes what waits."""
        self._polls += 1
        self._streams.poll()

    def close(self) -> None:
        """Leaves the topics."""
        self._streams.close()

    def state(self) -> dict[str, Any]:
        """Poses (4, 4) in base as nested lists, points in m."""
        links = None if self._q is None else _plain(link_poses(self._q, self._width_m))
        return {
            "links": links,
            "hand": None if self.T_base_ee is None else _plain(self.T_base_ee),
            "width_m": round(self._width_m, 4),
            "target": self._newest("target"),
            "keypoints": self._newest("keypoints") or [],
            "markers": self._newest("markers") or [],
        }

    def _newest(self, name: str) -> Any:
        polls, value = self._fresh.get(name, (-FRESH_POLLS, None))
        return value if self._polls - polls < FRESH_POLLS else None

    def _say(self, name: str, value: Any) -> None:
        self._fresh[name] = (self._polls, value)

    def _take_pose(self, msg: PoseStamped) -> None:
        self.T_base_ee = pose_from_msg(msg)

    def _take_joints(self, msg: JointState) -> None:
        self._q, _ = joints_from_msg(msg)

    def _take_gripper(self, msg: JointState) -> None:
        self._width_m = gripper_width_from_msg(msg)

    def _take_target(self, msg: PoseStamped) -> None:
        self._say("target", _plain(pose_from_msg(msg)))

    def _take_markers(self, msg: MarkerArray) -> None:
        self._say("markers", [drawn for m in msg.markers if (drawn := _marker(m))])

    def _take_keypoints(self, msg: PointCloud2) -> None:
        points, confidence = keypoints_from_cloud(msg)
        finite = np.isfinite(points).all(axis=1)
        rows = np.column_stack([points, confidence])[finite]
        self._say("keypoints", np.round(rows, 4).tolist())


def _marker(marker: Marker) -> dict[str, Any] | None:
    """Points or pairs of points with a colour each; None for other kinds."""
    kinds = {Marker.SPHERE: "points", Marker.SPHERE_LIST: "points", Marker.LINE_LIST: "lines"}
    if marker.type not in kinds:
        return None
    points = marker.points if marker.type != Marker.SPHERE else [marker.pose.position]
    colors = marker.colors if len(marker.colors) == len(points) else [marker.color] * len(points)
    return {
        "name": marker.ns,
        "kind": kinds[marker.type],
        "size_m": round(marker.scale.x, 4),
        "points": [[round(v, 4) for v in (p.x, p.y, p.z)] for p in points],
        "colors": [[round(v, 3) for v in (c.r, c.g, c.b, c.a)] for c in colors],
    }


def _plain(values: Float64) -> Any:
    return np.round(values, 5).tolist()
