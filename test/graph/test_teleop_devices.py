"""The node teleop with a relay, a gamepad of SDL's own, and devices that are not there."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from sdl_gamepad import UNKNOWN, VirtualGamepad
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool
from teleop_graph import HOME, TeleopGraph, command

from visuomotor.errors import RobotError
from visuomotor.geometry import pose, pose_delta
from visuomotor.nodes.teleop import Config, Teleop
from visuomotor.ros import messages, topics
from visuomotor.ros.launch import share_folder
from visuomotor.ros.parameters import declare
from visuomotor.teleop.axes import AxisMap
from visuomotor.teleop.config import DEVICES
from visuomotor.teleop.gamepad import Gamepad
from visuomotor.teleop.registry import make_operator
from visuomotor.teleop.spacemouse import SpaceMouse

pytestmark = pytest.mark.alone


@pytest.fixture
def graph():
    made = TeleopGraph()
    yield made
    made.close()


class Leader:
    """A leader arm's topics, 30 messages a second."""

    def __init__(self, graph: TeleopGraph) -> None:
        self._graph = graph
        make = graph.node.create_publisher
        self._pose = make(PoseStamped, topics.RELAY_POSE, topics.RELIABLE)
        self._enable = make(Bool, topics.RELAY_ENABLE, topics.COMMAND)
        self._width = make(JointState, topics.RELAY_GRIPPER, topics.COMMAND)
        self.at, self.step, self.held, self.width_m = pose(None, [7.0, 7.0, 7.0]), None, True, 0.08
        graph.node.create_timer(1 / 30, self._publish)

    def _publish(self) -> None:
        now = self._graph.now()
        if self.step is not None:
            self.at = self.at @ self.step
        if self.at is not None:
            self._pose.publish(messages.pose_msg(self.at, now, "leader_base"))
        self._width.publish(messages.gripper_command_msg(self.width_m, now))
        if self.held is not None:
            self._enable.publish(Bool(data=self.held))


def test_a_leader_arm_is_followed_from_where_both_are(graph) -> None:
    process = graph.run(command("relay", axes="-y, x, z, 0, 0, 0", scale=0.5))
    leader = Leader(graph)
    graph.spin(lambda: graph.targets, "the first target")
    np.testing.assert_allclose(graph.targets[0], HOME, atol=1e-6)
    leader.step = pose(None, [0.0, -0.004, 0.0])
    graph.spin(lambda: graph.accepted and graph.accepted[-1][0, 3] > 0.45, "5 cm along x")
    moved = pose_delta(HOME, graph.accepted[-1])
    np.testing.assert_allclose(moved[1:], 0.0, atol=1e-3)
    assert moved[0] < 0.5 * (7.0 - leader.at[1, 3]) + 1e-3
    leader.width_m = 0.03
    graph.spin(lambda: graph.widths[-1] == 0.03, "the leader's gripper")
    leader.held = None  # its dead-man falls silent, its poses go on
    graph.spin(lambda: graph.enables[-1] is False, "the release")
    leader.held = True
    graph.spin(lambda: graph.enables[-1], "the clutch again")
    leader.at, leader.step = None, None  # its poses fall silent, its dead-man goes on
    graph.spin(lambda: graph.enables[-1] is False, "the release")
    assert not graph.refused("jump", "non_finite", "not_a_pose", "frame", "clock")
    assert graph.stop(process) == 0


def test_steps_add_up_and_bad_messages_are_counted(graph) -> None:
    process = graph.run(command("relay", relative=True))
    leader = Leader(graph)
    leader.at = pose(None, [0.0, 0.002, 0.0])
    graph.spin(lambda: graph.accepted and graph.accepted[-1][1, 3] > 0.05, "5 cm along y")
    np.testing.assert_allclose(pose_delta(HOME, graph.accepted[-1])[[0, 2]], 0.0, atol=1e-3)
    leader.at = pose(None, [np.nan, 0.0, 0.0])
    graph.spin(lambda: graph.enables[-1] is False, "the release")
    graph.spin(lambda: int(graph.diagnosed("refused/not_a_pose") or 0) > 0, "the count")
    assert graph.stop(process) == 0


def test_a_gamepad_moves_the_arm_while_its_button_is_held(pad) -> None:
    graph = TeleopGraph("-p", "teleop:device:=gamepad", "-p", "teleop:expo:=0.0")
    node = Teleop()
    graph.executor.add_node(node)
    try:
        pad.axis("left_y", -1.0)  # forward, but nothing is held
        graph.spin(lambda: graph.diagnosed("state") == "released", "the node")
        assert not graph.targets
        pad.button("left_shoulder", True)
        graph.spin(lambda: graph.accepted and graph.accepted[-1][0, 3] > 0.42, "2 cm forward")
        np.testing.assert_allclose(pose_delta(HOME, graph.accepted[-1])[1:], 0.0, atol=1e-3)
        pad.axis("left_y", 0.0)
        assert set(graph.widths) == {0.08}
        for _ in range(10):  # a press while a stalled machine knows no arm is lost
            pad.button("a", True)
            graph.spin_for(1.0)
            if graph.widths[-1] == 0.0:
                break
            pad.button("a", False)
            graph.spin_for(0.2)
        assert graph.widths[-1] == 0.0
        closed = len(graph.widths)
        graph.spin(lambda: len(graph.widths) > closed + 5, "more commands")
        assert set(graph.widths[closed:]) == {0.0}  # held down is one press
        pad.button("a", False)
        pad.button("left_shoulder", False)
        graph.spin(lambda: graph.enables[-1] is False, "the release")
        pad.button("right_shoulder", True)
        graph.spin(lambda: graph.policy and graph.policy[-1], "the policy's dead-man")
        pad.button("right_shoulder", False)
        graph.spin(lambda: graph.policy[-1] is False, "the policy's release")
        pad.button("left_shoulder", True)
        graph.spin(lambda: graph.enables[-1], "the clutch again")
        pad.unplug()
        with pytest.raises(RobotError, match=r"gone; plug it in"):
            graph.spin(lambda: False, "the error")
        graph.executor.remove_node(node)
        node.close()
        graph.spin(lambda: graph.enables[-1] is False, "the release")
    finally:
        node.destroy_node()
        graph.close()


@pytest.fixture
def pad():
    made = VirtualGamepad()
    yield made
    made.close()


def test_a_pad_without_a_layout_is_named() -> None:
    made = VirtualGamepad(UNKNOWN)
    try:
        with pytest.raises(RobotError, match=r"SDL knows no layout of '.+SDL_GAMECONTROLLERCONFIG"):
            Gamepad()
    finally:
        made.close()


@pytest.mark.parametrize("device", DEVICES)
def test_the_configuration_of_every_device_is_what_its_node_takes(device) -> None:
    """Through ROS's own parser, to which an unquoted y is true and an unquoted 0 a number."""
    file = share_folder() / "config" / f"teleop_{device}.yaml"
    rclpy.init(args=["--ros-args", "--params-file", str(file)])
    node = rclpy.create_node("teleop")
    try:
        config = declare(node, Config)
        assert config.device == device
        controls = {"gamepad": Gamepad, "spacemouse": SpaceMouse}.get(device)
        if controls is None:
            make_operator(config)
        else:
            assert (
                AxisMap(config.axes, (*controls.axes, *getattr(controls, "buttons", ())))
                .matrix.any(axis=1)
                .all()
            )
            assert config.axes == controls.meaning.axes
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"device": "gamepad"}, "SDL sees 0; plug one in"),
        ({"device": "spacemouse"}, r"spacemouse: (the library hidapi is not|got index 0, but 0)"),
        ({"device": "relay", "axes": "x, y, zz, rx, ry, rz"}, "unknown axis 'zz'; did you mean"),
    ],
    ids=lambda v: "" if isinstance(v, str) else v["device"],
)
def test_what_is_not_there_is_one_clear_line(parameters, text) -> None:
    done = subprocess.run(command(**parameters), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    (error,) = [line for line in done.stderr.splitlines() if "error" in line]
    assert re.search(text, error), error
