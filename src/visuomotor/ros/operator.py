"""The topics of an operator's device: targets and dead-men out, the arm's state in."""

from __future__ import annotations

import math
import time

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.ros import messages, topics

STATE_TIMEOUT_NS = 200_000_000


class OperatorTopics:
    """What a node publishes for an operator, and the newest that it heard of the arm.

    width_m: between the fingers; commanded_m: the last accepted gripper command. Both None before
    the first message.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._pose = node.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND)
        self._gripper = node.create_publisher(JointState, topics.TELEOP_GRIPPER, topics.COMMAND)
        self._enable = node.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
        self._policy = node.create_publisher(Bool, topics.POLICY_ENABLE, topics.COMMAND)
        self._policy_on = False
        self._measured: Float64 | None = None
        self._measured_ns = 0
        self._commanded_ns = 0
        self.width_m: float | None = None
        self.commanded_m: float | None = None
        listen = node.create_subscription
        listen(PoseStamped, topics.CURRENT_POSE, self._on_pose, topics.STATE)
        listen(JointState, topics.GRIPPER_JOINT_STATES, self._on_gripper, topics.STATE)
        listen(JointState, topics.COMMAND_GRIPPER, self._on_command, topics.COMMAND)

    def measured(self, now_ns: int) -> Float64 | None:
        """T_base_ee (4, 4) of the arm, or None where the last one is too old; monotonic time."""
        old = now_ns - self._measured_ns > STATE_TIMEOUT_NS
        return None if old else self._measured

    def commanded_s(self, now_ns: int) -> float:
        """How long ago the last gripper command was accepted."""
        return (now_ns - self._commanded_ns) * 1e-9 if self.commanded_m is not None else math.inf

    def publish(
        self,
        enable: bool | None = None,
        policy: bool | None = None,
        T_base_target: Float64 | None = None,
        width_m: float | None = None,
    ) -> None:
        """Publishes what is not None, the dead-men first."""
        if enable is not None:
            self._enable.publish(Bool(data=enable))
        if policy is not None:
            self._policy.publish(Bool(data=policy))
            self._policy_on = policy
        stamp_ns = self._node.get_clock().now().nanoseconds
        if T_base_target is not None:
            self._pose.publish(messages.pose_msg(T_base_target, stamp_ns))
        if width_m is not None:
            self._gripper.publish(messages.gripper_command_msg(width_m, stamp_ns))

    def release(self) -> None:
        """Lets the dead-men go: the last words of a node."""
        self.publish(False, False if self._policy_on else None)

    def _on_pose(self, msg: PoseStamped) -> None:
        try:
            self._measured = messages.pose_from_msg(msg)
            self._measured_ns = time.monotonic_ns()
        except DataError as error:
            self._complain(f"current_pose ignored: {error}")

    def _on_gripper(self, msg: JointState) -> None:
        try:
            self.width_m = messages.gripper_width_from_msg(msg)
        except DataError as error:
            self._complain(f"gripper ignored: {error}")

    def _on_command(self, msg: JointState) -> None:
        try:
            self.commanded_m = messages.gripper_command_from_msg(msg)
            self._commanded_ns = time.monotonic_ns()
        except DataError as error:
            self._complain(f"gripper command ignored: {error}")

    def _complain(self, text: str) -> None:
        self._node.get_logger().error(text, throttle_duration_sec=5.0)
