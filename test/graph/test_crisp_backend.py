"""The crisp backend in a real graph, against a stand-in with CRISP's documented rules."""

from __future__ import annotations

import importlib.util
import time

import numpy as np
import pytest
import rclpy
from crisp_stand_in import ERROR_CLIP_M, HOME, Crisp
from diagnostic_msgs.msg import DiagnosticArray
from franka_stand_in import ManagerStand
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from visuomotor.contracts import BASE_FRAMES
from visuomotor.control.bridge_parameters import Config
from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.nodes.cartesian_bridge import CartesianBridgeNode
from visuomotor.ros import messages, topics

pytestmark = pytest.mark.alone

CONTROLLER = "cartesian_impedance_controller"
PARAMETERS = {
    "backend": "crisp",
    "require_policy_enable": True,
    "has_gripper": False,
    "controller_timeout_s": 10.0,
    "recovery_timeout_s": 5.0,
    # A busy machine holds operator and robot up; how strict the bridge is, other tests show.
    "enable_timeout_s": 1.0,
    "stale_s": 1.0,
    "state_timeout_s": 1.0,
}


class Operator:
    """A bridge with the crisp backend, and somebody who leads it."""

    def __init__(self, **parameters) -> None:
        values = {**PARAMETERS, **parameters}
        rclpy.init(
            args=["--ros-args", *(a for k, v in values.items() for a in ("-p", f"{k}:={v}"))]
        )

    def start(self, crisp) -> None:
        self.crisp = crisp
        self.bridge = None
        self.bridge = CartesianBridgeNode()
        self.node = rclpy.create_node("operator", use_global_arguments=False)
        self.executor = SingleThreadedExecutor()
        for each in (self.bridge, self.node):
            self.executor.add_node(each)
        self.statuses = []
        self.node.create_subscription(
            DiagnosticArray, topics.COMMAND_STATUS, self._on_status, topics.RELIABLE
        )
        self._enable = self.node.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
        self._target = self.node.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND)
        self._reset = self.node.create_client(Trigger, topics.BRIDGE_RESET)
        self._homing = self.node.create_client(Trigger, topics.GRIPPER_HOMING)
        self.leads, self._held, self._up = False, False, 0
        self.node.create_timer(0.05, self._lead)

    def _on_status(self, msg) -> None:
        self.statuses.append(messages.diagnostics_from_msg(msg))

    def _lead(self) -> None:
        """A button that the bridge has heard to be up before it is pressed, and let go."""
        if self._up < 10:
            self._up += bool(self.statuses)
            self._enable.publish(Bool(data=False))
            return
        if self.leads or self._held:
            self._enable.publish(Bool(data=self.leads))
        self._held = self.leads
        if self.leads:
            ahead = self.crisp.measured.copy()
            ahead[1, 3] += 0.03
            now_ns = self.node.get_clock().now().nanoseconds
            self._target.publish(messages.pose_msg(ahead, now_ns))

    def status(self) -> dict[str, str]:
        return self.statuses[-1]["bridge"] if self.statuses else {}

    def spin(self, condition, what, timeout_s=20.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}; {self.status()}"
            self.executor.spin_once(timeout_sec=0.02)

    def spin_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.spin(lambda: time.monotonic() > end, "time to pass")

    def state_is(self, name):
        return lambda: self.status().get("state") == name

    def call(self, client):
        self.spin(client.service_is_ready, client.srv_name)
        future = client.call_async(Trigger.Request())
        self.spin(future.done, f"the answer of {client.srv_name}")
        return future.result()

    def reset(self):
        return self.call(self._reset)

    def home(self):
        return self.call(self._homing)

    def close(self) -> None:
        if self.bridge is None:
            return
        self.bridge.close()
        self.executor.shutdown()
        self.bridge.destroy_node()
        self.node.destroy_node()


@pytest.fixture
def made():
    """(operator, crisp) with parameters of the test's choice.

    Where a workspace has controller_manager's messages, a stand-in of it is there too.
    """
    opened, managers = [], []

    def make(standing=None, **parameters):
        operator = Operator(**parameters)
        crisp = Crisp(**(standing or {}))
        opened.append((operator, crisp))
        if importlib.util.find_spec("controller_manager_msgs") is not None:
            manager = ManagerStand((*Config().broadcasters, CONTROLLER), active=True, error=False)
            managers.append(manager)
            crisp.is_active = lambda: manager.states[CONTROLLER] == "active"
        operator.start(crisp)
        return operator, crisp

    yield make
    for operator, crisp in opened:
        operator.close()
        crisp.close()
    for manager in managers:
        manager.close()
    rclpy.try_shutdown()


def test_the_arm_follows_and_stays_where_the_operator_lets_go(made) -> None:
    operator, crisp = made()
    operator.spin(lambda: crisp.taken > 5, "targets")
    np.testing.assert_allclose(crisp.measured, HOME, atol=1e-3)  # starting moves nothing
    operator.leads = True
    operator.spin(lambda: crisp.measured[1, 3] > 0.08, "motion")
    operator.leads = False
    operator.spin(operator.state_is("hold"), "hold")
    at = crisp.measured[1, 3]
    operator.spin_for(0.5)
    assert crisp.measured[1, 3] - at < 0.05
    still = crisp.target.copy()
    operator.spin_for(0.3)
    np.testing.assert_allclose(crisp.target, still, atol=1e-6)  # it never times out, we do
    assert crisp.frames <= set(BASE_FRAMES)
    assert crisp.ignored == 0


def test_a_second_publisher_holds_the_arm_and_is_named_until_reset(made) -> None:
    operator, crisp = made()
    operator.leads = True
    operator.spin(lambda: crisp.measured[1, 3] > 0.05, "motion")
    rival_node = rclpy.create_node("old_script", use_global_arguments=False)
    rival = rival_node.create_publisher(PoseStamped, topics.TARGET_POSE, 1)
    operator.spin(operator.state_is("fault"), "the fault")
    assert "/old_script publishes target_pose too" in operator.status()["reason"]
    assert "CRISP ignores both" in operator.status()["reason"]
    refused = operator.reset()
    assert not refused.success
    assert "old_script" in refused.message
    operator.leads = False
    rival_node.destroy_publisher(rival)
    rival_node.destroy_node()
    taken, at = crisp.taken, crisp.measured.copy()
    operator.spin_for(0.5)  # the conflict is over, yet nothing is sent before the operator says so
    assert crisp.taken == taken
    assert operator.state_is("fault")()
    operator.spin(lambda: operator.reset().success, "a reset")
    operator.spin(lambda: crisp.taken > taken, "targets again")
    operator.spin(operator.state_is("idle"), "idle")
    np.testing.assert_allclose(crisp.measured, at, atol=ERROR_CLIP_M)
    np.testing.assert_allclose(crisp.target, crisp.measured, atol=5e-3)
    operator.leads, at = True, crisp.measured[1, 3]
    operator.spin(lambda: crisp.measured[1, 3] > at + 0.03, "motion again")


def test_a_blocked_arm_is_pulled_no_harder_than_the_clip_and_let_go_by_reset(made) -> None:
    operator, crisp = made(max_tracking_error_m=0.03)
    operator.leads = True
    operator.spin(lambda: crisp.measured[1, 3] > 0.03, "motion")
    crisp.blocked, operator.leads = True, False
    ahead = crisp.measured.copy()
    for _ in range(40):
        ahead[1, 3] = min(ahead[1, 3] + 0.005, crisp.measured[1, 3] + 0.045)
        operator._enable.publish(Bool(data=True))
        now_ns = operator.node.get_clock().now().nanoseconds
        operator._target.publish(messages.pose_msg(ahead, now_ns))
        operator.spin_for(0.05)
        if operator.state_is("fault")():
            break
    operator.spin(operator.state_is("fault"), "the fault")
    assert "tracking error" in operator.status()["reason"]
    assert operator.reset().success
    operator.spin(
        lambda: np.abs(crisp.target[:3, 3] - crisp.measured[:3, 3]).max() < 1e-3,
        "a target at the measured pose",
    )


def test_a_wrench_on_the_hand_holds_the_arm_until_reset(made) -> None:
    operator, crisp = made()
    operator.leads = True
    operator.spin(lambda: crisp.measured[1, 3] > 0.03, "motion")
    crisp.force_n = 27.0
    operator.spin(operator.state_is("fault"), "the fault")
    assert "27 N" in operator.status()["reason"]
    crisp.force_n = 0.0
    operator.leads = False
    operator.spin(lambda: operator.reset().success, "a reset")
    operator.spin(operator.state_is("idle"), "idle")


def test_a_controller_that_is_unloaded_is_missed(made) -> None:
    operator, crisp = made()
    operator.spin(lambda: crisp.taken > 5, "targets")
    crisp.unload()
    operator.spin(operator.state_is("fault"), "the fault")
    assert "nobody listens on target_pose" in operator.status()["reason"]
    assert "nobody listens" in operator.reset().message


def test_a_robot_that_falls_silent_holds(made) -> None:
    operator, crisp = made(max_tracking_error_m=1.0)
    operator.leads = True
    operator.spin(lambda: crisp.measured[1, 3] > 0.03, "motion")
    crisp.silent = True
    operator.spin(operator.state_is("hold"), "hold")
    assert "no robot state" in operator.status()["reason"]


def test_another_end_effector_in_desk_moves_nothing(made) -> None:
    operator, crisp = made(standing={"end_effector": (0.0, 0.0, 0.05)})
    operator.spin(operator.state_is("fault"), "the fault")
    assert "5.0 cm" in operator.status()["reason"]
    assert "end_effector_frame" in operator.status()["reason"]
    assert crisp.taken == 0


def test_without_a_controller_the_bridge_does_not_start(made) -> None:
    with pytest.raises(RobotError, match="no pose of the controller's own"):
        made(standing={"controller_pose": False}, controller_timeout_s=0.5)


def test_homing_is_refused_where_there_is_no_hand_or_somebody_leads(made) -> None:
    operator, _ = made()
    answer = operator.home()
    assert not answer.success
    assert "no hand to home" in answer.message
    operator.leads = True
    operator.spin(operator.state_is("teleop"), "teleop in control")
    assert "teleop is in control" in operator.home().message


@pytest.mark.skipif(
    importlib.util.find_spec("franka_msgs") is not None, reason="this machine has franka_msgs"
)
def test_a_hand_without_franka_msgs_is_one_clear_line(made) -> None:
    with pytest.raises(MissingDependencyError, match=r"franka_msgs.*visuomotor\.repos"):
        made(has_gripper=True)


def test_a_real_arm_beside_crisp_needs_the_operators_enable() -> None:
    with pytest.raises(ValueError, match="require_policy_enable"):
        Config(backend="crisp", ignore_realtime=True)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"controller": " "}, "controller: got nothing"),
        ({"frame_gap_m": 0.0}, "frame_gap_m"),
        ({"stop_force_n": float("inf")}, "stop_force_n"),
        ({"grasp_epsilon_m": 0.2}, "grasp_epsilon_m"),
    ],
)
def test_settings_that_cannot_protect_are_refused_too(values, text) -> None:
    with pytest.raises(ValueError, match=text):
        Config(**values)


def test_the_hand_follows_the_operator_by_franka_grippers_actions(made) -> None:
    pytest.importorskip("franka_msgs.action", reason="in a workspace with franka_ros2")
    from franka_stand_in import GripperStand

    operator, _ = made(has_gripper=True)
    hand = GripperStand()
    try:
        wish = operator.node.create_publisher(JointState, topics.TELEOP_GRIPPER, topics.COMMAND)
        tell = operator.node.create_publisher(JointState, topics.GRIPPER_JOINT_STATES, 1)
        width = 0.0

        def send() -> None:
            now_ns = operator.node.get_clock().now().nanoseconds
            tell.publish(messages.gripper_msg(hand.width, now_ns))
            wish.publish(messages.gripper_command_msg(width, now_ns))

        operator.node.create_timer(0.05, send)
        operator.leads = True
        operator.spin(lambda: hand.width == hand.object, "the grasp")
        operator.spin_for(0.5)
        assert [name for name, _ in hand.goals] == ["Grasp"]  # the same wish twenty times: one goal
        hand.object, width = -1.0, 0.06
        operator.spin(lambda: hand.width == 0.06, "the move")
        width = 0.0
        operator.spin(
            lambda: "aborted" in operator.status().get("gripper_problem", ""), "the problem"
        )
        operator.spin(operator.state_is("teleop"), "teleop: a hand that fails stops no arm")
        operator.leads = False
        operator.spin(operator.state_is("hold"), "hold")
        assert operator.home().success
        operator.spin(lambda: hand.goals[-1][0] == "Homing", "homing")
        operator.spin(lambda: "gripper_problem" not in operator.status(), "the end of the problem")
    finally:
        hand.close()
