"""Moves the arm from the keys of a terminal, through the bridge, while a key is held."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass

from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Float64
from visuomotor.errors import DataError
from visuomotor.ros import messages, topics
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.teleop import DeadMan, DeltaTargets, HeldKeys
from visuomotor.teleop.keyboard import GRIPPER_KEY, HELP, POLICY_KEY, RELEASE_KEY
from visuomotor.teleop.terminal import Terminal

STATE_TIMEOUT_NS = 200_000_000


@dataclass(frozen=True)
class Config:
    """How fast the keys move the arm, and how long a key counts as held."""

    speed: float = 0.1  # m/s
    angular_speed: float = 0.5  # rad/s
    rate_hz: float = 20.0
    key_hold_s: float = 0.12  # motion ends so long after the last repeat of a key
    dead_man_hold_s: float = 0.7  # covers a terminal's pause before it repeats
    policy_hold_s: float = 0.2  # a policy is let go so long after the last repeat of its key
    closed_width_m: float = 0.0
    open_width_m: float = MAX_GRIPPER_WIDTH_M

    def __post_init__(self) -> None:
        for name in ("speed", "angular_speed", "key_hold_s", "dead_man_hold_s", "policy_hold_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}: got {value}, expected a positive number")
        if not 10.0 <= self.rate_hz <= 100.0:
            raise ValueError(f"rate_hz: got {self.rate_hz}, expected 10 to 100")
        if not 0.0 <= self.closed_width_m < self.open_width_m <= MAX_GRIPPER_WIDTH_M:
            raise ValueError(
                f"gripper: got {self.closed_width_m} to {self.open_width_m} m, expected widths "
                f"from 0 to {MAX_GRIPPER_WIDTH_M}, the closed one smaller"
            )


class TeleopKeyboard(Node):
    """Publishes teleop/*, or policy/enable, while keys are held; silent otherwise."""

    def __init__(self) -> None:
        super().__init__("teleop_keyboard")
        self.config = declare(self, Config)
        self._keys = HeldKeys(self.config.key_hold_s)
        rate_hz, hold_s = self.config.rate_hz, self.config.dead_man_hold_s
        self._dead_man = DeadMan(rate_hz, hold_s)
        self._policy_dead_man = DeadMan(rate_hz, hold_s, self.config.policy_hold_s)
        self._targets = DeltaTargets()
        self._measured: Float64 | None = None
        self._measured_ns = 0
        self._width_m = self.config.open_width_m
        self._pose = self.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND)
        self._gripper = self.create_publisher(JointState, topics.TELEOP_GRIPPER, topics.COMMAND)
        self._enable = self.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
        self._policy_enable = self.create_publisher(Bool, topics.POLICY_ENABLE, topics.COMMAND)
        self.create_subscription(PoseStamped, topics.CURRENT_POSE, self._on_pose, topics.STATE)
        self.create_subscription(
            JointState, topics.GRIPPER_JOINT_STATES, self._on_gripper, topics.STATE
        )
        self._terminal = Terminal(sys.stdin.fileno())
        self.get_logger().info(HELP)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / self.config.rate_hz, self._tick, clock=steady)

    def close(self) -> None:
        """Lets the dead-men go and restores the terminal."""
        self._terminal.close()
        self._enable.publish(Bool(data=False))
        if self._policy_dead_man.held(time.monotonic_ns()):
            self._policy_enable.publish(Bool(data=False))

    def _on_pose(self, msg: PoseStamped) -> None:
        try:
            self._measured = messages.pose_from_msg(msg)
            self._measured_ns = time.monotonic_ns()
        except DataError as error:
            self.get_logger().error(f"current_pose ignored: {error}", throttle_duration_sec=5.0)

    def _on_gripper(self, msg: JointState) -> None:
        if self._dead_man.held(time.monotonic_ns()):
            return
        try:
            width_m = messages.gripper_width_from_msg(msg)
        except DataError as error:
            self.get_logger().error(f"gripper ignored: {error}", throttle_duration_sec=5.0)
            return
        half_way = 0.5 * (self.config.closed_width_m + self.config.open_width_m)
        is_open = width_m > half_way
        self._width_m = self.config.open_width_m if is_open else self.config.closed_width_m

    def _tick(self) -> None:
        now_ns = time.monotonic_ns()
        for key in self._terminal.read():
            self._press(key, now_ns)
        for dead_man, enable in (
            (self._dead_man, self._enable),
            (self._policy_dead_man, self._policy_enable),
        ):
            due = dead_man.poll(now_ns)
            if due is not None:
                enable.publish(Bool(data=due))
        if not self._dead_man.held(now_ns):
            self._targets.disengage()
            return
        measured = self._measured
        if measured is None or now_ns - self._measured_ns > STATE_TIMEOUT_NS:
            self.get_logger().warning(
                "no current_pose: is the robot on?", throttle_duration_sec=2.0
            )
            return
        twist = self._keys.velocity(now_ns, self.config.speed, self.config.angular_speed)
        target = self._targets.move(twist / self.config.rate_hz, measured)
        stamp_ns = self.get_clock().now().nanoseconds
        self._pose.publish(messages.pose_msg(target, stamp_ns))
        self._gripper.publish(messages.gripper_command_msg(self._width_m, stamp_ns))

    def _press(self, key: str, now_ns: int) -> None:
        config = self.config
        if key == RELEASE_KEY:
            self._keys.release()
            self._dead_man.release()
            self._policy_dead_man.release()
        elif key.lower() == POLICY_KEY:
            self._policy_dead_man.press(now_ns)
        elif key == GRIPPER_KEY:
            opened = self._width_m == config.open_width_m
            self._width_m = config.closed_width_m if opened else config.open_width_m
            self._dead_man.press(now_ns)
        elif self._keys.press(key, now_ns):
            self._dead_man.press(now_ns)


def main() -> None:
    """Runs the node."""
    run_node(TeleopKeyboard)


if __name__ == "__main__":
    main()
