"""A skill in the ordinary policy node: told where the object is, it plans and moves the hand."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from ros_node import running  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState, PointCloud2  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from visuomotor.control.kinematics import HOME_Q, arm_state  # noqa: E402
from visuomotor.geometry import PinholeCamera, pose  # noqa: E402
from visuomotor.policies.skill.replay import save_replay  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_msg  # noqa: E402
from visuomotor.ros.manipulation import frame_of  # noqa: E402
from visuomotor.ros.markers import keypoint_cloud  # noqa: E402
from visuomotor.video.examples import example_demonstration  # noqa: E402

pytestmark = pytest.mark.alone

CAMERA = PinholeCamera.from_fovy(32, 24, 0.8)
HOME = arm_state(HOME_Q[None]).hand[0]


class Cell(Node):
    """An arm that stands still and a camera that shows nothing, in sets at 20 Hz."""

    def __init__(self) -> None:
        super().__init__("cell")
        self.object: np.ndarray | None = None
        self.keypoints: np.ndarray | None = None
        self.targets: list[PoseStamped] = []
        self.values: dict[str, str] = {}
        self.message = ""
        prefix, sensor = topics.SYNCED, topics.SENSOR
        self.info = self.create_publisher(CameraInfo, topics.camera_info("front", prefix), sensor)
        self.color = self.create_publisher(Image, topics.color("front", prefix), sensor)
        self.mount = self.create_publisher(
            TransformStamped, topics.extrinsics("front"), topics.LATCHED
        )
        self.mount.publish(messages.transform_msg(np.eye(4), 0, "fr3_link0", "front"))
        self.hand = self.create_publisher(PoseStamped, topics.SYNCED_POSE, topics.STATE)
        self.joints = self.create_publisher(JointState, topics.SYNCED_JOINT_STATES, topics.STATE)
        self.truth = self.create_publisher(PoseStamped, topics.object_pose("object"), topics.STATE)
        self.cloud = self.create_publisher(PointCloud2, topics.KEYPOINTS, topics.RELIABLE)
        command = topics.COMMAND
        self.create_subscription(PoseStamped, topics.POLICY_POSE, self.targets.append, command)
        self.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, self.take, topics.RELIABLE)
        self.create_timer(0.05, self.publish)

    def take(self, msg: DiagnosticArray) -> None:
        self.values = messages.diagnostics_from_msg(msg).get("policy", {})
        self.message = msg.status[0].message

    def publish(self) -> None:
        stamp = int(self.get_clock().now().nanoseconds)
        self.hand.publish(messages.pose_msg(HOME, stamp))
        self.joints.publish(messages.joint_state_msg(HOME_Q, np.zeros(7), stamp, 0.08))
        self.info.publish(messages.camera_info_msg(CAMERA, stamp, "front"))
        self.color.publish(color_msg(np.zeros((24, 32, 3), np.uint8), stamp, "front"))
        if self.object is not None:
            self.truth.publish(messages.pose_msg(self.object, stamp))
        if self.keypoints is not None:
            self.cloud.publish(keypoint_cloud(self.keypoints, np.array([1.0, 1.0, 0.1]), stamp))

    def wait(self, condition: Callable[[], Any], bound_s: float = 25.0) -> None:
        end = time.monotonic() + bound_s
        while not condition():
            assert time.monotonic() < end, f"waited {bound_s} s; {self.values} {self.message}"
            rclpy.spin_once(self, timeout_sec=0.1)

    def start(self) -> Trigger.Response:
        client = self.create_client(Trigger, topics.POLICY_START)
        self.wait(client.service_is_ready)
        future = client.call_async(Trigger.Request())
        self.wait(future.done)
        return future.result()


@pytest.fixture
def cell() -> Iterator[Cell]:
    yield from running(Cell)


@pytest.fixture
def replayed(tmp_path: Path) -> Path:
    save_replay(tmp_path / "push", example_demonstration("push_left_to_right"))
    return tmp_path / "push"


@pytest.fixture
def policy() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the policy node; one that a failed test leaves is ended."""
    begun: list[subprocess.Popen[str]] = []

    def start(checkpoint: Path, *parameters: str) -> subprocess.Popen[str]:
        words = [w for p in (f"checkpoint:={checkpoint}", *parameters) for w in ("-p", p)]
        command = [sys.executable, "-m", "visuomotor.nodes.policy", "--ros-args", *words]
        begun.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ))
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.communicate()


def end(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=15)
    assert process.returncode == 0, error
    return error


def test_it_plans_for_the_object_and_leads_the_hand(
    cell: Cell, replayed: Path, policy: Callable[..., subprocess.Popen[str]]
) -> None:
    process = policy(replayed)
    cell.wait(lambda: cell.values.get("sets") == "ok")
    answer = cell.start()
    assert not answer.success
    assert "nothing new on sim/objects/object/pose" in answer.message
    cell.object = pose(position=(0.5, 0.05, 0.018))
    cell.wait(lambda: cell.start().success)
    cell.wait(lambda: len(cell.targets) >= 10 and "frame" in cell.values)
    frame = frame_of(cell.values)
    assert frame is not None
    np.testing.assert_allclose(frame[:2, 3], [0.5, 0.05], atol=1e-4)
    assert float(cell.values["skill_s"]) == -1.0
    assert cell.values["skill_done"] == "False"
    first = messages.pose_from_msg(cell.targets[0])
    assert np.linalg.norm(first[:3, 3] - HOME[:3, 3]) < 0.05  # it begins where the hand is
    assert "the skill's frame stands at (0.500, 0.050" in end(process)


def test_what_is_out_of_reach_is_said_and_nothing_moves(
    cell: Cell, replayed: Path, policy: Callable[..., subprocess.Popen[str]]
) -> None:
    cell.object = pose(position=(0.74, 0.44, 0.018))
    process = policy(replayed)
    cell.wait(lambda: cell.values.get("sets") == "ok")
    cell.wait(lambda: cell.start().success)
    cell.wait(lambda: "can be reached; nearest is yaw" in cell.message)
    assert cell.targets == []
    end(process)


def test_keypoints_may_say_where_the_object_is(
    cell: Cell, replayed: Path, tmp_path: Path, policy: Callable[..., subprocess.Popen[str]]
) -> None:
    settings = tmp_path / "arm.yaml"
    settings.write_text("height_m: 0.036\n")
    cell.keypoints = np.array([[0.48, 0.02, 0.03], [0.52, 0.06, 0.01], [0.9, 0.9, 0.9]])
    process = policy(replayed, f"settings:={settings}", "keypoints:=[0, 1, 2]")
    cell.wait(lambda: cell.values.get("sets") == "ok")
    cell.wait(lambda: cell.start().success)
    cell.wait(lambda: "frame" in cell.values)
    frame = frame_of(cell.values)
    assert frame is not None
    np.testing.assert_allclose(frame[:2, 3], [0.5, 0.04], atol=1e-4)  # the third is not sure
    end(process)
