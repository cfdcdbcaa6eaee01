"""The bridge in a real graph: what is stale, wrong or dead moves nothing, and is counted."""

from __future__ import annotations

import time

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from std_srvs.srv import Trigger

from visuomotor.control.bridge_parameters import Config
from visuomotor.errors import ConfigError
from visuomotor.geometry import pose
from visuomotor.nodes.cartesian_bridge import CartesianBridgeNode
from visuomotor.ros import messages, topics

pytestmark = pytest.mark.alone

DOWN = np.diag([1.0, -1.0, -1.0])
HOME = np.array([0.45, 0.0, 0.3])


class Graph:
    """A perfect arm, two sources and ears, driven by one executor together with the bridge."""

    def __init__(self, **parameters) -> None:
        values = [a for k, v in parameters.items() for a in ("-p", f"{k}:={v}")]
        rclpy.init(args=["--ros-args", *values] if values else None)
        self.bridge = CartesianBridgeNode()
        self.node = rclpy.create_node("peer", use_global_arguments=False)
        self.executor = SingleThreadedExecutor()
        for node in (self.bridge, self.node):
            self.executor.add_node(node)
        make = self.node.create_publisher
        self.state = make(PoseStamped, topics.CURRENT_POSE, topics.STATE)
        self.enable = make(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
        self.pose = {
            "teleop": make(PoseStamped, topics.TELEOP_POSE, topics.COMMAND),
            "policy": make(PoseStamped, topics.POLICY_POSE, topics.COMMAND),
        }
        self.gripper = make(JointState, topics.TELEOP_GRIPPER, topics.COMMAND)
        self.references, self.targets, self.widths, self.statuses = [], [], [], []
        listen = self.node.create_subscription
        listen(PoseStamped, topics.COMMAND_REFERENCE, self._reference, topics.RELIABLE)
        listen(PoseStamped, topics.COMMAND_POSE, self.targets.append, topics.RELIABLE)
        listen(JointState, topics.COMMAND_GRIPPER, self.widths.append, topics.RELIABLE)
        listen(DiagnosticArray, topics.COMMAND_STATUS, self._on_status, topics.RELIABLE)
        self.measured, self.follows, self.robot_on = pose(DOWN, HOME), True, True
        self.acts = None
        self.node.create_timer(0.01, self._publish_state)
        self.node.create_timer(0.05, self._act)

    def _reference(self, msg) -> None:
        self.references.append(messages.pose_from_msg(msg))
        if self.follows:
            self.measured = self.references[-1]

    def _on_status(self, msg) -> None:
        self.statuses.append(messages.diagnostics_from_msg(msg))

    def _publish_state(self) -> None:
        if self.robot_on:
            self.state.publish(messages.pose_msg(self.measured, self.now()))

    def _act(self) -> None:
        if self.acts is not None:
            self.acts()

    def now(self) -> int:
        return self.node.get_clock().now().nanoseconds

    def lead(self, source="policy", by=0.02, held=True):
        """Every 50 ms a target ahead of the arm, as an expert or a policy sends it."""

        def act() -> None:
            if source == "teleop":
                self.enable.publish(Bool(data=held))
            ahead = pose(DOWN, self.measured[:3, 3] + [0, by, 0])
            self.pose[source].publish(messages.pose_msg(ahead, self.now()))

        return act

    def spin(self, condition, timeout_s=8.0, what="the condition") -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}; {self.last()}"
            self.executor.spin_once(timeout_sec=0.02)

    def last(self):
        return self.statuses[-1] if self.statuses else {"bridge": {}, "counters": {}}

    def state_is(self, name):
        return lambda: self.last()["bridge"].get("state") == name

    def count(self, name) -> int:
        return int(self.last()["counters"].get(name, 0))

    def resting(self, samples=20):
        """Whether that many references in a row are the same, counted from now."""
        start = len(self.references)

        def still() -> bool:
            recent = [r[:3, 3] for r in self.references[start:]][-samples:]
            return len(recent) == samples and float(np.ptp(recent, axis=0).max()) == 0.0

        return still

    def close(self) -> None:
        self.bridge.close()
        self.executor.shutdown()
        for node in (self.bridge, self.node):
            node.destroy_node()
        rclpy.try_shutdown()


@pytest.fixture
def graph():
    made = Graph()
    yield made
    made.close()


def test_a_policy_that_dies_mid_rollout_leaves_the_arm_holding(graph) -> None:
    graph.acts = graph.lead()
    graph.spin(lambda: graph.measured[1, 3] > 0.06, what="motion")
    graph.spin(graph.state_is("policy"), what="the policy in control")
    graph.acts = None
    at = graph.measured[1, 3]
    graph.spin(graph.state_is("hold"), what="hold")
    graph.spin(graph.resting(), what="a reference at rest")
    assert graph.measured[1, 3] - at < 0.05
    assert "nobody live" in graph.last()["bridge"]["reason"]
    graph.acts = graph.lead()
    graph.spin(graph.state_is("policy"), what="the policy again")


def test_stale_targets_hold_although_the_dead_man_is_held(graph) -> None:
    graph.acts = graph.lead("teleop")
    graph.spin(lambda: graph.measured[1, 3] > 0.03, what="motion")
    graph.acts = lambda: graph.enable.publish(Bool(data=True))
    graph.spin(lambda: "no target" in graph.last()["bridge"]["reason"], what="the reason")
    assert graph.last()["bridge"]["state"] == "hold"
    graph.spin(graph.resting(), what="a reference at rest")


def test_a_released_dead_man_holds_at_once(graph) -> None:
    graph.acts = graph.lead("teleop")
    graph.spin(lambda: graph.measured[1, 3] > 0.03, what="motion")
    graph.acts = graph.lead("teleop", held=False)
    graph.spin(graph.state_is("hold"), what="hold")
    graph.spin(graph.resting(), what="a reference at rest")
    graph.spin(lambda: graph.count("refused/teleop/not_enabled") > 0, what="the count")


def test_bad_targets_are_refused_counted_and_move_nothing(graph) -> None:
    graph.spin(graph.state_is("idle"), what="a status")
    graph.spin(lambda: len(graph.references) > 5, what="references")
    policy, here = graph.pose["policy"], graph.measured.copy()

    def send(change, reason) -> None:
        name = f"refused/policy/{reason}"
        before, due = graph.count(name), 0.0

        def counted() -> bool:
            nonlocal due
            if time.monotonic() >= due:  # again, if a stalled machine made it stale
                msg = messages.pose_msg(here, graph.now())
                change(msg)
                policy.publish(msg)
                due = time.monotonic() + 1.0
            return graph.count(name) > before

        graph.spin(counted, what=name)

    send(lambda m: setattr(m.pose.position, "x", float("nan")), "non_finite")
    send(lambda m: setattr(m.pose.orientation, "w", float("nan")), "non_finite")
    send(lambda m: setattr(m.pose.orientation, "x", 0.0), "not_a_pose")
    send(lambda m: setattr(m.pose.position, "x", here[0, 3] + 0.06), "jump")
    send(lambda m: setattr(m.header, "frame_id", "front_camera"), "frame")
    send(lambda m: setattr(m.header.stamp, "sec", m.header.stamp.sec - 1), "stale")
    send(lambda m: setattr(m.header.stamp, "sec", m.header.stamp.sec + 5), "clock")
    assert not graph.targets
    assert graph.state_is("idle")()
    assert max(np.ptp([r[:3, 3] for r in graph.references], axis=0)) == 0.0


def test_accepted_targets_are_published_once_clipped_and_stamped_now(graph) -> None:
    low = HOME * [1, 1, 0] + [0, 0, 0.02]
    graph.measured = pose(DOWN, low)
    graph.spin(lambda: len(graph.references) > 5, what="references")
    deep = pose(DOWN, low - [0, 0, 0.04])
    graph.pose["policy"].publish(messages.pose_msg(deep, graph.now()))
    graph.spin(lambda: graph.targets, what="the accepted target")
    target = graph.targets[0]
    assert target.pose.position.z == pytest.approx(Config().lower[2])
    assert abs(graph.now() - messages.stamp_ns_of(target)) < 2e9
    graph.spin(lambda: graph.count("clipped/policy/workspace") == 1, what="the count")
    graph.spin(graph.state_is("hold"), what="hold")
    assert len(graph.targets) == 1


def test_teleop_wins_and_the_gripper_follows(graph) -> None:
    def both() -> None:
        graph.lead("policy", -0.02)()
        graph.lead("teleop", +0.02)()
        graph.gripper.publish(messages.gripper_command_msg(0.5, graph.now()))

    graph.acts = both
    graph.spin(lambda: graph.measured[1, 3] > 0.05, what="teleop's motion")
    graph.spin(graph.state_is("teleop"), what="teleop in control")
    graph.spin(lambda: graph.count("refused/policy/not_in_control") > 3, what="the count")
    graph.spin(lambda: graph.widths, what="the gripper command")
    assert messages.gripper_command_from_msg(graph.widths[-1]) == 0.08
    graph.gripper.publish(messages.gripper_command_msg(float("nan"), graph.now()))
    graph.spin(lambda: graph.count("refused/teleop/gripper_non_finite") > 0, what="the count")


def test_a_robot_that_falls_silent_stops_the_motion(graph) -> None:
    graph.acts = graph.lead()
    graph.spin(lambda: graph.measured[1, 3] > 0.03, what="motion")
    graph.robot_on = False
    graph.spin(graph.state_is("hold"), what="hold")
    assert "no robot state" in graph.last()["bridge"]["reason"]
    graph.spin(graph.resting(), what="a reference at rest")
    graph.spin(lambda: graph.count("refused/policy/no_robot_state") > 0, what="the count")


def test_a_blocked_arm_faults_until_reset() -> None:
    graph = Graph(max_tracking_error_m=0.03)
    try:
        graph.spin(lambda: len(graph.references) > 5, what="references")
        graph.follows, goal = False, pose(DOWN, HOME + np.array([0, 0.045, 0]))
        graph.acts = lambda: graph.pose["policy"].publish(messages.pose_msg(goal, graph.now()))
        graph.spin(graph.state_is("fault"), what="the fault")
        assert "tracking error" in graph.last()["bridge"]["reason"]
        graph.acts = None
        client = graph.node.create_client(Trigger, topics.BRIDGE_RESET)
        graph.spin(client.service_is_ready, what="the service")
        future = client.call_async(Trigger.Request())
        graph.spin(future.done, what="the answer")
        assert future.result().success
        graph.spin(graph.state_is("idle"), what="idle")
        here = graph.references[-1][:3, 3]
        np.testing.assert_allclose(here, graph.measured[:3, 3], atol=1e-6)
    finally:
        graph.close()


def test_a_second_bridge_is_a_fault(graph: Graph) -> None:
    graph.acts = graph.lead()
    graph.spin(lambda: graph.measured[1, 3] > 0.03, what="motion")
    other = graph.node.create_publisher(DiagnosticArray, topics.COMMAND_STATUS, topics.RELIABLE)
    status = messages.diagnostics_msg({"bridge": {"state": "idle"}}, graph.now(), messages.OK, "")
    graph.node.create_timer(0.1, lambda: other.publish(status))
    graph.spin(
        lambda: any("two bridges" in s["bridge"].get("reason", "") for s in graph.statuses),
        what="the fault",
    )
    graph.spin(graph.resting(), what="a reference at rest")


def test_a_real_arm_needs_the_operators_enable() -> None:
    for given in ({}, {"ignore_realtime": True}, {"robot_hostname": "fr3.lab"}):
        with pytest.raises(ValueError, match="require_policy_enable"):
            Config(backend="libfranka", **given)
    simulated = Config(backend="libfranka", robot_hostname="127.0.0.1")
    assert simulated.simulated
    assert not simulated.risks_realtime
    real = Config(backend="libfranka", ignore_realtime=True, require_policy_enable=True)
    assert real.risks_realtime


def test_an_unknown_parameter_is_named_with_its_neighbours() -> None:
    try:
        with pytest.raises(ConfigError, match="max_speed"):
            Graph(max_sped=0.1)
    finally:
        rclpy.try_shutdown()
