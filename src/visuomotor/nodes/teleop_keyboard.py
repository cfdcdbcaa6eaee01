"""Moves the arm from the keys of a terminal, through the bridge, while a key is held."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from visuomotor.ros.operator import OperatorTopics
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.teleop import Arm, Keyboard, Operator, OperatorConfig
from visuomotor.teleop.config import positive
from visuomotor.teleop.keyboard import HELP
from visuomotor.teleop.terminal import Terminal


@dataclass(frozen=True, kw_only=True)
class Config(OperatorConfig):
    """How fast the keys move the arm, and how long a key counts as held."""

    key_hold_s: float = 0.12  # motion ends so long after the last repeat of a key
    dead_man_hold_s: float = 0.7  # covers a terminal's pause before it repeats
    policy_hold_s: float = 0.2  # a policy is let go so long after the last repeat of its key

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "key_hold_s", "dead_man_hold_s", "policy_hold_s")


class TeleopKeyboard(Node):
    """Publishes teleop/*, or policy/enable, while keys are held; silent otherwise."""

    def __init__(self) -> None:
        super().__init__("teleop_keyboard")
        self.config = config = declare(self, Config)
        self._topics = OperatorTopics(self)
        self._operator = Operator(config)
        self._terminal = Terminal(sys.stdin.fileno())
        self._keyboard = Keyboard(
            self._terminal.read, config.key_hold_s, config.dead_man_hold_s, config.policy_hold_s
        )
        self.get_logger().info(HELP)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / config.rate_hz, self._tick, clock=steady)

    def close(self) -> None:
        """Lets the dead-men go and restores the terminal."""
        self._terminal.close()
        self._topics.release()

    def _tick(self) -> None:
        now_ns, topics = time.monotonic_ns(), self._topics
        commanded_s = topics.commanded_s(now_ns)
        arm = Arm(topics.measured(now_ns), topics.width_m, topics.commanded_m, commanded_s)
        wish = self._operator.step(self._keyboard.read(now_ns), arm, now_ns)
        topics.publish(wish.enable, wish.policy, wish.target, wish.width_m)
        if wish.state == "no robot":
            self.get_logger().warning(
                "no current_pose: is the robot on?", throttle_duration_sec=2.0
            )


def main() -> None:
    """Runs the node."""
    run_node(TeleopKeyboard)


if __name__ == "__main__":
    main()
