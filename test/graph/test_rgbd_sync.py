"""The rgbd_sync node as a process of its own in a real graph, between two cameras and a robot."""

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
import yaml

rclpy = pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from ros_node import running  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402

from visuomotor.geometry import PinholeCamera, pose  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_from_msg, color_msg, depth_msg  # noqa: E402

pytestmark = pytest.mark.alone

CAMERA = PinholeCamera.from_fovy(64, 48, 0.8)
CAMERAS = ("front", "side")
SPEED_MPS = 0.1
STATE_S = 0.0123  # not a divisor of the camera's period: brackets, not equal stamps


class Lab(Node):
    """Two cameras at 20 Hz and a robot that moves steadily along y; keeps what comes out."""

    def __init__(self) -> None:
        super().__init__("lab")
        sensor, state = topics.SENSOR, topics.STATE
        self.out: dict[int, dict[str, Any]] = {}
        self.diagnostics: dict[str, dict[str, str]] = {}
        self.alive = set(CAMERAS)
        self.start_ns = self.now_ns()
        self.cameras = {
            c: (
                self.create_publisher(CameraInfo, topics.camera_info(c), sensor),
                self.create_publisher(Image, topics.color(c), sensor),
                self.create_publisher(Image, topics.depth(c), sensor),
            )
            for c in CAMERAS
        }
        self.mounts = [
            self.create_publisher(TransformStamped, topics.extrinsics(c), topics.LATCHED)
            for c in CAMERAS
        ]
        for camera, publisher in zip(CAMERAS, self.mounts, strict=True):
            publisher.publish(messages.transform_msg(np.eye(4), 0, "fr3_link0", camera))
        self.pose = self.create_publisher(PoseStamped, topics.CURRENT_POSE, state)
        self.joints = self.create_publisher(JointState, topics.JOINT_STATES, state)
        self.gripper = self.create_publisher(JointState, topics.GRIPPER_JOINT_STATES, state)
        self.create_timer(STATE_S, self.publish_state)
        self.create_timer(0.05, self.publish_images)
        for camera in CAMERAS:
            for topic, kind in (
                (topics.color(camera, "synced/"), Image),
                (topics.depth(camera, "synced/"), Image),
                (topics.camera_info(camera, "synced/"), CameraInfo),
            ):
                self.listen(kind, topic, sensor)
        self.listen(PoseStamped, topics.SYNCED_POSE, state)
        self.listen(JointState, topics.SYNCED_JOINT_STATES, state)
        self.listen(JointState, "synced/gripper/joint_states", state)
        self.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS, self.take_diagnostics, topics.RELIABLE
        )

    def now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def y_m(self, stamp_ns: int) -> float:
        return SPEED_MPS * (stamp_ns - self.start_ns) / 1e9

    def listen(self, kind: type, topic: str, qos: Any) -> None:
        def take(msg: Any) -> None:
            self.out.setdefault(messages.stamp_ns_of(msg), {})[topic] = msg

        self.create_subscription(kind, topic, take, qos)

    def take_diagnostics(self, msg: DiagnosticArray) -> None:
        self.diagnostics = messages.diagnostics_from_msg(msg)

    def status(self) -> str:
        return self.diagnostics.get("rgbd_sync: sets", {}).get("status", "")

    def publish_state(self) -> None:
        stamp = self.now_ns()
        y = self.y_m(stamp)
        self.pose.publish(messages.pose_msg(pose(position=[0.4, y, 0.3]), stamp))
        self.joints.publish(messages.joint_state_msg(np.full(7, y), np.zeros(7), stamp))
        self.gripper.publish(messages.gripper_msg(0.05, stamp))

    def publish_images(self) -> None:
        stamp = self.now_ns()
        for i, camera in enumerate(CAMERAS):
            if camera in self.alive:
                info, color, depth = self.cameras[camera]
                info.publish(messages.camera_info_msg(CAMERA, stamp, camera))
                color.publish(color_msg(np.full((48, 64, 3), i, np.uint8), stamp, camera))
                depth.publish(depth_msg(np.full((48, 64), 1000, np.uint16), stamp, camera))

    def whole(self) -> list[int]:
        """Stamps of the sets of which every message came (best effort loses some)."""
        return sorted(s for s, m in self.out.items() if len(m) == 3 * len(CAMERAS) + 3)


def wait(lab: Lab, condition: Callable[[], bool], bound_s: float = 15.0) -> None:
    end = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < end, f"waited {bound_s} s; diagnostics {lab.diagnostics}"
        rclpy.spin_once(lab, timeout_sec=0.1)


def start(*parameters: str) -> subprocess.Popen[str]:
    words = [word for p in parameters for word in ("-p", p)]
    return subprocess.Popen(
        [sys.executable, "-m", "visuomotor.nodes.rgbd_sync", "--ros-args", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


@pytest.fixture
def lab() -> Iterator[Lab]:
    yield from running(Lab)


@pytest.fixture
def node() -> Iterator[subprocess.Popen[str]]:
    process = start("cameras:=[front, side]")
    yield process
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_sets_have_one_stamp_and_survive_a_dying_camera(
    lab: Lab, node: subprocess.Popen[str]
) -> None:
    wait(lab, lambda: len(lab.whole()) >= 20)
    for stamp in lab.whole():
        out = lab.out[stamp]
        y = lab.y_m(stamp)
        assert messages.pose_from_msg(out[topics.SYNCED_POSE])[1, 3] == pytest.approx(y, abs=1e-4)
        joints = out[topics.SYNCED_JOINT_STATES]
        np.testing.assert_allclose(messages.joints_from_msg(joints)[0], y, atol=1e-4)
        assert messages.gripper_width_from_msg(joints) == pytest.approx(0.05)
        side = color_from_msg(out["synced/side/color"])
        assert (side == 1).all()
        assert messages.camera_from_info(out["synced/side/camera_info"]) == CAMERA

    lab.alive.remove("side")
    wait(lab, lambda: "camera side dead" in lab.status())
    assert lab.diagnostics["rgbd_sync: side/color"]["state"] == "dead"
    assert lab.diagnostics["rgbd_sync: front/color"]["state"] == "alive"
    before = len(lab.out)
    died_ns = lab.now_ns()
    lab.alive.add("side")
    wait(lab, lambda: sum(s > died_ns for s in lab.whole()) >= 10)
    assert len(lab.out) > before
    wait(lab, lambda: lab.status() == "ok")


def test_the_calibration_file_is_published(lab: Lab, tmp_path: Path) -> None:
    T = pose(position=[0.1, 0.2, 0.3])
    path = tmp_path / "cameras.yaml"
    path.write_text(yaml.safe_dump({"front": {"T_base_camera": T.tolist()}}))
    seen: list[TransformStamped] = []
    lab.create_subscription(
        TransformStamped, topics.extrinsics("front"), seen.append, topics.LATCHED
    )
    process = start("cameras:=[front]", f"calibration:={path}")
    try:
        wait(lab, lambda: any(m.transform.translation.y == 0.2 for m in seen))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_calibration_that_lacks_a_camera_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(yaml.safe_dump({"front": {"T_base_camera": np.eye(4).tolist()}}))
    process = start("cameras:=[front, side]", f"calibration:={path}")
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert error.splitlines()[-1].startswith(f"error: {path}: no calibration of camera side")
    assert "Traceback" not in error
