"""The policy node as a process of its own, with a checkpoint trained here, in a real graph."""

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
from visualization_msgs.msg import MarkerArray  # noqa: E402

from visuomotor.config import save_yaml  # noqa: E402
from visuomotor.contracts import SyncedFrame  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_msg, depth_msg  # noqa: E402
from visuomotor.sim import SimConfig, SimWorld  # noqa: E402
from visuomotor.sim.demos import write_demos  # noqa: E402
from visuomotor.training import train  # noqa: E402

pytestmark = pytest.mark.alone

CAMERAS = ("front", "side")


class Checkpoints:
    """A frame of the simulation, and checkpoints trained on two demonstrations of it."""

    def __init__(self, folder: Path) -> None:
        world = SimWorld(SimConfig(cameras=CAMERAS))
        write_demos(world, folder / "data", range(2))
        world.reset(7)
        self.frame: SyncedFrame = world.frame()
        world.close()
        self.descriptors, self.policy = folder / "descriptors", folder / "policy"
        small = {"steps": 30, "pairs": 2, "matches": 64, "model": {"width": 16, "pixel_step": 4}}
        save_yaml(small, folder / "descriptors.yaml")
        train("descriptors", folder / "descriptors.yaml", folder / "data", self.descriptors)
        cloning = {"steps": 100, "batch": 64}
        save_yaml({"head": {"hidden": [32]}, "cloning": cloning}, folder / "policy.yaml")
        train(
            "dense",
            folder / "policy.yaml",
            folder / "data",
            self.policy,
            descriptors=str(self.descriptors),
        )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    return Checkpoints(tmp_path_factory.mktemp("trained"))


class Lab(Node):
    """Publishes one frame as synced sets at 20 Hz and keeps what the nodes answer."""

    def __init__(self, frame: SyncedFrame) -> None:
        super().__init__("lab")
        self.frame = frame
        self.alive = set(frame.cameras)
        self.depth_share = 1
        self.received: dict[str, list[Any]] = {}
        self.diagnostics: dict[str, dict[str, str]] = {}
        self.message = ""
        sensor = topics.SENSOR
        self.images = {
            c: (
                self.create_publisher(CameraInfo, topics.camera_info(c, topics.SYNCED), sensor),
                self.create_publisher(Image, topics.color(c, topics.SYNCED), sensor),
                self.create_publisher(Image, topics.depth(c, topics.SYNCED), sensor),
            )
            for c in frame.cameras
        }
        self.mounts = {
            c: self.create_publisher(TransformStamped, topics.extrinsics(c), topics.LATCHED)
            for c in frame.cameras
        }
        for name, camera in frame.cameras.items():
            self.mounts[name].publish(
                messages.transform_msg(camera.T_base_camera, 0, "fr3_link0", name)
            )
        self.pose = self.create_publisher(PoseStamped, topics.SYNCED_POSE, topics.STATE)
        self.joints = self.create_publisher(JointState, topics.SYNCED_JOINT_STATES, topics.STATE)
        self.create_timer(0.05, self.publish)
        self.listen(PoseStamped, topics.POLICY_POSE, topics.COMMAND)
        self.listen(JointState, topics.POLICY_GRIPPER, topics.COMMAND)
        self.listen(MarkerArray, topics.POLICY_MARKERS, topics.RELIABLE)
        self.listen(PointCloud2, topics.KEYPOINTS, topics.RELIABLE)
        self.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS, self.take_diagnostics, topics.RELIABLE
        )

    def listen(self, kind: type, topic: str, qos: Any) -> None:
        self.received[topic] = []
        self.create_subscription(kind, topic, self.received[topic].append, qos)

    def take_diagnostics(self, msg: DiagnosticArray) -> None:
        self.diagnostics = messages.diagnostics_from_msg(msg)
        self.message = msg.status[0].message

    def publish(self) -> None:
        stamp, robot = int(self.get_clock().now().nanoseconds), self.frame.robot
        self.pose.publish(messages.pose_msg(robot.T_base_ee, stamp))
        self.joints.publish(
            messages.joint_state_msg(robot.q, robot.dq, stamp, robot.gripper_width_m)
        )
        for name in self.alive:
            camera = self.frame.cameras[name]
            info, color, depth = self.images[name]
            info.publish(messages.camera_info_msg(camera.camera, stamp, name))
            color.publish(color_msg(camera.color, stamp, name))
            assert camera.depth_mm is not None
            depth.publish(depth_msg(camera.depth_mm * np.uint16(self.depth_share), stamp, name))

    def count(self, topic: str) -> int:
        return len(self.received[topic])

    def trigger(self, name: str) -> Trigger.Response:
        client = self.create_client(Trigger, name)
        wait(self, client.service_is_ready)
        future = client.call_async(Trigger.Request())
        wait(self, future.done)
        return future.result()


def wait(lab: Lab, condition: Callable[[], bool], bound_s: float = 25.0) -> None:
    end = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < end, f"waited {bound_s} s; {lab.diagnostics} {lab.message}"
        rclpy.spin_once(lab, timeout_sec=0.1)


def start(node: str, *parameters: str) -> subprocess.Popen[str]:
    words = [word for p in parameters for word in ("-p", p)]
    return subprocess.Popen(
        [sys.executable, "-m", f"visuomotor.nodes.{node}", "--ros-args", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


@pytest.fixture
def lab(trained: Checkpoints) -> Iterator[Lab]:
    yield from running(lambda: Lab(trained.frame))


@pytest.fixture
def policy(trained: Checkpoints) -> Iterator[subprocess.Popen[str]]:
    process = start("policy", f"checkpoint:={trained.policy}")
    yield process
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=15)
    assert process.returncode == 0


def started(lab: Lab) -> bool:
    return bool(lab.trigger(topics.POLICY_START).success)


def test_every_set_gives_a_target_while_started(lab: Lab, policy: subprocess.Popen[str]) -> None:
    wait(lab, lambda: lab.diagnostics.get("policy", {}).get("sets") == "ok")
    assert lab.count(topics.POLICY_POSE) == 0  # nothing moves before policy/start
    wait(lab, lambda: started(lab))  # a busy machine may have lost a set since
    wait(lab, lambda: lab.count(topics.POLICY_POSE) >= 20)
    begin, first = time.monotonic(), lab.count(topics.POLICY_POSE)
    wait(lab, lambda: lab.count(topics.POLICY_POSE) >= first + 40)
    assert (time.monotonic() - begin) / 40 > 0.7 * 0.05  # one target per set, and no more
    newest = lab.received[topics.POLICY_POSE][-1]
    T = messages.pose_from_msg(newest)
    assert newest.header.frame_id == "fr3_link0"
    assert np.linalg.norm(T[:3, 3] - lab.frame.robot.T_base_ee[:3, 3]) < 0.2
    wait(lab, lambda: lab.count(topics.POLICY_MARKERS) > 0)
    keypoints, target = lab.received[topics.POLICY_MARKERS][-1].markers
    assert len(keypoints.points) == 16
    assert target.pose.position.x == pytest.approx(T[0, 3], abs=0.05)
    wait(lab, lambda: "latency_p95_ms" in lab.diagnostics["policy"])

    assert lab.trigger(topics.POLICY_STOP).success
    before = lab.count(topics.POLICY_POSE)
    seen = lab.diagnostics
    wait(
        lab, lambda: lab.diagnostics is not seen and lab.diagnostics["policy"]["active"] == "False"
    )
    assert lab.count(topics.POLICY_POSE) <= before + 1  # one may have been under way


def test_without_depth_it_says_so_and_commands_nothing(
    lab: Lab, policy: subprocess.Popen[str]
) -> None:
    wait(lab, lambda: lab.diagnostics.get("policy", {}).get("sets") == "ok")
    wait(lab, lambda: started(lab))  # a busy machine may have lost a set since
    wait(lab, lambda: lab.count(topics.POLICY_POSE) >= 5)
    lab.depth_share = 0
    wait(lab, lambda: "no depth in any pixel of front, side" in lab.message)
    before = lab.count(topics.POLICY_POSE)
    refused = int(lab.diagnostics["policy"]["refused"])
    wait(lab, lambda: int(lab.diagnostics["policy"]["refused"]) >= refused + 20)
    assert lab.count(topics.POLICY_POSE) == before
    lab.depth_share = 1
    wait(lab, lambda: lab.count(topics.POLICY_POSE) >= before + 5)  # it goes on by itself


def test_it_does_not_start_without_a_camera(lab: Lab, policy: subprocess.Popen[str]) -> None:
    lab.alive.remove("side")
    wait(lab, lambda: "policy" in lab.diagnostics)
    answer = lab.trigger(topics.POLICY_START)
    assert not answer.success
    assert "side" in answer.message
    assert lab.count(topics.POLICY_POSE) == 0


def test_a_camera_that_dies_ends_the_commands_and_is_named(
    lab: Lab, policy: subprocess.Popen[str]
) -> None:
    wait(lab, lambda: lab.diagnostics.get("policy", {}).get("sets") == "ok")
    wait(lab, lambda: started(lab))  # a busy machine may have lost a set since
    wait(lab, lambda: lab.count(topics.POLICY_POSE) >= 5)
    lab.alive.remove("side")
    wait(lab, lambda: "side" in lab.message and "dead" in lab.message)
    assert "front" not in lab.message.split("side")[0]
    before, seen = lab.count(topics.POLICY_POSE), lab.diagnostics
    wait(lab, lambda: lab.diagnostics is not seen)
    wait(lab, lambda: lab.diagnostics["policy"]["active"] == "True")
    assert lab.count(topics.POLICY_POSE) == before
    lab.alive.add("side")
    wait(lab, lambda: lab.count(topics.POLICY_POSE) >= before + 5)  # it goes on by itself


def test_a_checkpoint_of_another_family_is_one_line(trained: Checkpoints) -> None:
    process = start("policy", f"checkpoint:={trained.descriptors}")
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "unknown policy family 'descriptors'" in error.splitlines()[-1]
    assert "Traceback" not in error


def test_the_descriptors_node_publishes_keypoints(lab: Lab, trained: Checkpoints) -> None:
    process = start("descriptors", f"checkpoint:={trained.descriptors}")
    try:
        wait(lab, lambda: lab.count(topics.KEYPOINTS) >= 5)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    assert process.returncode == 0
    cloud = lab.received[topics.KEYPOINTS][-1]
    assert cloud.width == 16
    assert [f.name for f in cloud.fields] == ["x", "y", "z", "confidence", "id"]
    points = np.frombuffer(bytes(cloud.data), np.float32).reshape(16, 5)[:, :3]
    assert (np.abs(points - [0.5, 0, 0.2]) < [0.4, 0.5, 0.5]).all()  # in the workspace
