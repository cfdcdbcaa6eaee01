"""Brings an arm back to a pose between episodes, as an operator would: by teleop, step by step."""

from __future__ import annotations

import contextlib
import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Float64
from visuomotor.errors import DataError, RobotError
from visuomotor.geometry import apply_delta, pose_delta
from visuomotor.ros import messages, topics
from visuomotor.ros.polled import PolledSubscription

PERIOD_S = 0.05
LEAD_M, LEAD_RAD = 0.02, 0.2
CLEAR_Z_M = 0.25
"""The hand rises so high before it goes across the table."""


class Homing:
    """Leads the arm with the teleop dead-man held; `go` blocks, for a worker thread."""

    def __init__(self, node: Node, within_m: float = 0.008, within_rad: float = 0.05) -> None:
        self._node = node
        self._within_m, self._within_rad = within_m, within_rad
        self._measured: Float64 | None = None
        self._begun_ns = 0
        self._fault = ""
        self._enable = node.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
        self._target = node.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND)
        self._gripper = node.create_publisher(JointState, topics.TELEOP_GRIPPER, topics.COMMAND)
        self._states = PolledSubscription(
            node, PoseStamped, topics.CURRENT_POSE, topics.NEWEST_STATE, self._on_pose
        )
        self._status = PolledSubscription(
            node, DiagnosticArray, topics.COMMAND_STATUS, topics.RELIABLE, self._on_status
        )

    def go(self, T_base_ee: Float64, timeout_s: float = 30.0) -> None:
        """Opens the hand and moves it up, across and down to the pose (4, 4).

        Raises RobotError when the arm is not there in time, and at once when it is in a fault.
        """
        end = time.monotonic() + timeout_s
        self._begun_ns, self._fault = self._now_ns(), ""
        try:
            for goal in self._way(self._wait_for_pose(end), T_base_ee):
                self._lead(goal, end)
        finally:
            self._enable.publish(Bool(data=False))

    def _way(self, start: Float64, goal: Float64) -> list[Float64]:
        height = max(CLEAR_Z_M, float(goal[2, 3]))
        up, over = start.copy(), goal.copy()
        up[2, 3] = max(height, float(start[2, 3]))
        over[2, 3] = height
        return [start, up, over, goal]

    def _lead(self, goal: Float64, end: float) -> None:
        while True:
            measured = self._wait_for_pose(end)
            self._status.drain()
            if self._fault:
                raise RobotError(f"the arm is in a fault on its way to the start: {self._fault}")
            away = pose_delta(measured, goal)
            far, turned = float(np.linalg.norm(away[:3])), float(np.linalg.norm(away[3:]))
            if far < self._within_m and turned < self._within_rad:
                return
            if time.monotonic() > end:
                raise RobotError(
                    f"the arm is still {far * 100:.1f} cm and {turned:.2f} rad from where it is "
                    "to begin; is it blocked (command/status)?"
                )
            away[:3] *= min(1.0, LEAD_M / max(far, 1e-9))
            away[3:] *= min(1.0, LEAD_RAD / max(turned, 1e-9))
            now_ns = self._now_ns()
            self._enable.publish(Bool(data=True))
            self._gripper.publish(messages.gripper_command_msg(MAX_GRIPPER_WIDTH_M, now_ns))
            self._target.publish(messages.pose_msg(apply_delta(measured, away), now_ns))
            time.sleep(PERIOD_S)

    def _wait_for_pose(self, end: float) -> Float64:
        while True:
            self._states.drain()  # asked for, because the arm's state comes at 100 Hz and costs
            if self._measured is not None:
                return self._measured
            if time.monotonic() > end:
                raise RobotError("no current_pose; is the robot on?")
            time.sleep(PERIOD_S)

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _on_status(self, msg: DiagnosticArray) -> None:
        """The bridge's; what it said before `go` is of no concern."""
        bridge = messages.diagnostics_from_msg(msg).get("bridge", {})
        if bridge.get("state") == "fault" and messages.stamp_ns_of(msg) > self._begun_ns:
            self._fault = bridge.get("reason", "")

    def _on_pose(self, msg: PoseStamped) -> None:
        with contextlib.suppress(DataError):
            self._measured = messages.pose_from_msg(msg)
