"""The topics between the bridge and CRISP's controller.

Written against crisp_controllers v2.3.1: PoseStamped `target_pose`, reliable, depth 1.
"""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.node import Node

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.ros import messages, topics
from visuomotor.ros.polled import PolledSubscription


class CrispTopics:
    """Publishes targets and tells who else does; one thread may read, another publish."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._target = node.create_publisher(PoseStamped, topics.TARGET_POSE, topics.COMMAND)
        self._pose: Float64 | None = None
        self._wrench: Float64 | None = None
        newest = topics.NEWEST_STATE
        self._poses = PolledSubscription(
            node, PoseStamped, topics.CONTROLLER_POSE, newest, self._on_pose
        )
        self._wrenches = PolledSubscription(
            node, WrenchStamped, topics.EXTERNAL_WRENCH, newest, self._on_wrench
        )

    def publish(self, pose: Float64) -> None:
        """Sends a target pose (4, 4) in base."""
        stamp_ns = int(self._node.get_clock().now().nanoseconds)
        self._target.publish(messages.pose_msg(pose, stamp_ns))

    def rivals(self) -> list[str]:
        """The other nodes that publish targets; one of our own name counts too."""
        names = [
            f"{info.node_namespace.rstrip('/')}/{info.node_name}"
            for info in self._node.get_publishers_info_by_topic(self._target.topic_name)
        ]
        own = self._node.get_fully_qualified_name()
        if own in names:
            names.remove(own)
        return names

    def listeners(self) -> int:
        """How many subscriptions the targets reach."""
        return int(self._target.get_subscription_count())

    def controller_pose(self) -> Float64 | None:
        """The newest end-effector pose (4, 4) of the controller's own since the last call."""
        self._poses.drain()
        pose, self._pose = self._pose, None
        return pose

    def wrench(self) -> Float64 | None:
        """The newest external wrench (6,) since the last call."""
        self._wrenches.drain()
        wrench, self._wrench = self._wrench, None
        return wrench

    def _on_pose(self, msg: PoseStamped) -> None:
        try:
            self._pose = messages.pose_from_msg(msg)
        except DataError:
            self._pose = None

    def _on_wrench(self, msg: WrenchStamped) -> None:
        force, torque = msg.wrench.force, msg.wrench.torque
        self._wrench = np.array([force.x, force.y, force.z, torque.x, torque.y, torque.z])
