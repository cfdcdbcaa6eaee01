"""Leading an arm to where an episode begins, and what is said when it does not get there."""

import threading
import time

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from ros_node import running
from std_msgs.msg import Bool

from visuomotor.errors import RobotError
from visuomotor.geometry import pose
from visuomotor.ros import messages, topics
from visuomotor.ros.homing import Homing

DOWN = np.diag([1.0, -1.0, -1.0])
THERE, AWAY = pose(DOWN, [0.45, 0.0, 0.3]), pose(DOWN, [0.45, 0.2, 0.3])


class Arm(Node):
    """Tells the same pose and status again and again, and follows what it is sent if it may."""

    def __init__(self) -> None:
        super().__init__("arm")
        self.at, self.follows = THERE.copy(), False
        self.state, self.stamp_ns = "idle", 0
        self._pose = self.create_publisher(PoseStamped, topics.CURRENT_POSE, topics.STATE)
        self._status = self.create_publisher(
            DiagnosticArray, topics.COMMAND_STATUS, topics.RELIABLE
        )
        self.create_subscription(PoseStamped, topics.TELEOP_POSE, self._take, topics.COMMAND)
        self.dead_men: list[bool] = []
        self.create_subscription(
            Bool, topics.TELEOP_ENABLE, lambda m: self.dead_men.append(m.data), topics.COMMAND
        )
        self._ends = threading.Event()
        self._telling = threading.Thread(target=self._tell)
        self._telling.start()

    def _take(self, msg: PoseStamped) -> None:
        if self.follows:
            self.at = messages.pose_from_msg(msg)

    def _tell(self) -> None:
        while not self._ends.wait(0.02):
            now = self.get_clock().now().nanoseconds
            self._pose.publish(messages.pose_msg(self.at, now))
            status = {"bridge": {"state": self.state, "reason": "a joint hit its limit"}}
            self._status.publish(messages.diagnostics_msg(status, self.stamp_ns or now))

    def close(self) -> None:
        self._ends.set()
        self._telling.join()


@pytest.fixture
def arm():
    for node in running(Arm):
        spinning = threading.Thread(target=rclpy.spin, args=(node,), daemon=True)
        spinning.start()
        yield node
        node.close()
        rclpy.try_shutdown()
        spinning.join()


@pytest.fixture
def homing(arm):
    node = rclpy.create_node("homing")
    yield Homing(node)
    node.destroy_node()


def test_it_leads_the_arm_there_and_lets_go(arm, homing) -> None:
    arm.follows = True
    homing.go(AWAY, 20.0)
    np.testing.assert_allclose(arm.at[:3, 3], AWAY[:3, 3], atol=0.01)
    end = time.monotonic() + 10
    while not (arm.dead_men and arm.dead_men[-1] is False) and time.monotonic() < end:
        time.sleep(0.02)
    assert arm.dead_men[-1] is False


def test_a_fault_ends_it_at_once_and_is_told(arm, homing) -> None:
    arm.state = "fault"
    with pytest.raises(RobotError, match=r"in a fault .*: a joint hit its limit"):
        homing.go(AWAY, 60.0)


def test_a_fault_of_before_is_of_no_concern(arm, homing) -> None:
    arm.state, arm.stamp_ns = "fault", arm.get_clock().now().nanoseconds
    with pytest.raises(RobotError, match=r"still 20\.0 cm and 0\.00 rad from where it is"):
        homing.go(AWAY, 1.5)
