"""Moves the arm from an operator's device, through the bridge, while its dead-man is held."""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.errors import DataError
from visuomotor.ros import messages, topics
from visuomotor.ros.operator import OperatorTopics
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.teleop import Arm, TeleopConfig
from visuomotor.teleop.phone.server import PhoneServer
from visuomotor.teleop.registry import make_device, make_operator
from visuomotor.teleop.relay import Relay

Config = TeleopConfig
"""Parameters of the node."""

DIAGNOSTICS_S = 1.0
LEVELS = {"no robot": messages.ERROR}


class Teleop(Node):
    """Publishes teleop/*, or policy/enable, while the operator holds the device; else silent."""

    def __init__(self) -> None:
        super().__init__("teleop")
        self.config = declare(self, Config)
        self._topics = OperatorTopics(self)
        self._diagnostics = self.create_publisher(
            DiagnosticArray, topics.DIAGNOSTICS, topics.RELIABLE
        )
        self._operator = make_operator(self.config)
        self._state = ""
        self._device = device = make_device(self.config, time.monotonic_ns)
        if isinstance(device, Relay):
            self._listen(device)
        elif isinstance(device, PhoneServer):
            self.get_logger().info(f"open on the phone: {device.url}\n{device.picture}")
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / self.config.rate_hz, self._tick, clock=steady)
        self.create_timer(DIAGNOSTICS_S, self._diagnose, clock=steady)

    def close(self) -> None:
        """Lets the dead-men and the device go."""
        self._topics.release()
        self._device.close()

    def _listen(self, relay: Relay) -> None:
        def on_pose(msg: PoseStamped) -> None:
            stamp_ns = messages.stamp_ns_of(msg)
            age_ns = self.get_clock().now().nanoseconds - stamp_ns if stamp_ns else 0
            try:
                relay.pose(messages.pose_from_msg(msg), age_ns * 1e-9, time.monotonic_ns())
            except DataError:
                relay.refuse("not_a_pose")

        def on_width(msg: JointState) -> None:
            try:
                relay.width(messages.gripper_command_from_msg(msg))
            except DataError:
                relay.refuse("width")

        listen = self.create_subscription
        qos = topics.RELIABLE if self.config.relative else topics.COMMAND  # no step may be lost
        listen(PoseStamped, topics.RELAY_POSE, on_pose, qos)
        listen(JointState, topics.RELAY_GRIPPER, on_width, topics.COMMAND)
        listen(
            Bool,
            topics.RELAY_ENABLE,
            lambda msg: relay.enable(msg.data, time.monotonic_ns()),
            topics.COMMAND,
        )

    def _tick(self) -> None:
        now_ns, known = time.monotonic_ns(), self._topics
        arm = Arm(
            known.measured(now_ns), known.width_m, known.commanded_m, known.commanded_s(now_ns)
        )
        wish = self._operator.step(self._device.read(now_ns), arm, now_ns)
        known.publish(wish.enable, wish.policy, wish.target, wish.width_m)
        if wish.state != self._state:
            self._state = wish.state
            self._device.tell(wish.state)
            self.get_logger().info(wish.state)
        if wish.state == "no robot":
            self.get_logger().warning(
                "no current_pose: is the robot on?", throttle_duration_sec=2.0
            )

    def _diagnose(self) -> None:
        refused = {
            f"refused/{k}": v
            for k, v in {**self._device.counters(), **self._operator.counters()}.items()
        }
        status = {"teleop": {"device": self.config.device, "state": self._state, **refused}}
        level = LEVELS.get(self._state, messages.OK)
        self._diagnostics.publish(
            messages.diagnostics_msg(status, self.get_clock().now().nanoseconds, level, self._state)
        )


def main() -> None:
    """Runs the node."""
    run_node(Teleop)


if __name__ == "__main__":
    main()
