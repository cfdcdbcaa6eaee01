"""The calibration commands as processes in a real graph, and the recorder that uses their file."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from ros_node import running  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from visuomotor.bench.calibration import Rehearsal, RehearsalWorld, difference  # noqa: E402
from visuomotor.calibration.board import Board  # noqa: E402
from visuomotor.config import save_yaml  # noqa: E402
from visuomotor.contracts import SyncedFrame  # noqa: E402
from visuomotor.geometry import PinholeCamera, pose  # noqa: E402
from visuomotor.recording import read_frames  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_msg, depth_msg  # noqa: E402
from visuomotor.ros.services import call  # noqa: E402
from visuomotor.sync import load_calibration, load_latency  # noqa: E402

pytestmark = pytest.mark.alone

SMALL = PinholeCamera.from_fovy(64, 48, 0.8)


class Drivers(Node):
    """A camera's and a robot's drivers that publish what they are told to show."""

    def __init__(self) -> None:
        super().__init__("drivers")
        sensor, state = topics.SENSOR, topics.STATE
        self.info = self.create_publisher(CameraInfo, topics.camera_info("side"), sensor)
        self.color = self.create_publisher(Image, topics.color("side"), sensor)
        self.depth = self.create_publisher(Image, topics.depth("side"), sensor)
        self.pose = self.create_publisher(PoseStamped, topics.CURRENT_POSE, state)
        self.joints = self.create_publisher(JointState, topics.JOINT_STATES, state)
        self.gripper = self.create_publisher(JointState, topics.GRIPPER_JOINT_STATES, state)

    def now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def show(self, frame: SyncedFrame, encoding: str = "") -> None:
        view, now = frame.cameras["side"], self.now_ns()
        self.info.publish(messages.camera_info_msg(view.camera, now, "side"))
        image = color_msg(view.color, now, "side")
        image.encoding = encoding or image.encoding
        self.color.publish(image)
        self.depth.publish(depth_msg(view.depth_mm, now, "side"))

    def stand(self, T_base_ee: np.ndarray) -> None:
        self.pose.publish(messages.pose_msg(T_base_ee, self.now_ns()))


@pytest.fixture
def drivers() -> Iterator[Drivers]:
    yield from running(Drivers)


@pytest.fixture(scope="module")
def places() -> Iterator[tuple[list[SyncedFrame], RehearsalWorld]]:
    scene = RehearsalWorld(Rehearsal(("side",), "hand", 7, 8), Board())
    yield list(scene.frames()), scene
    scene.close()


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


def until(node: Node, condition: Callable[[], bool], tick: Callable[[], None], bound_s: float):
    end = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < end, f"not within {bound_s} s"
        tick()
        rclpy.spin_once(node, timeout_sec=0.02)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=60)
    return process.returncode, out, error


def test_views_are_taken_where_the_arm_stands(drivers, places, tmp_path: Path) -> None:
    frames, scene = places
    out = tmp_path / "calibration.yaml"
    words = ("calibrate", "extrinsics", "--cameras", "side", "--views", "7", "--out", str(out))
    process = start("visuomotor.cli", *words)
    began = time.monotonic()

    def play() -> None:
        frame = frames[int((time.monotonic() - began) / 1.2) % len(frames)]
        drivers.stand(frame.robot.T_base_ee)
        drivers.show(frame)

    until(drivers, lambda: process.poll() is not None, play, 180.0)
    code, said, error = ended(process)
    assert code == 0, error
    assert re.search(r"side: view 7, 2\d corners", said), said  # the board has 24
    mm, degrees = difference(
        load_calibration(out, ["side"])["side"].T_parent_camera, scene.truth["side"]
    )
    assert mm < 3
    assert degrees < 0.3


@pytest.mark.parametrize(
    ("robot", "encoding", "text"),
    [(False, "", "no pose of the arm"), (True, "yuv422", "side/color/image_raw: ")],
    ids=["no robot", "wrong encoding"],
)
def test_what_is_lacking_is_one_line(drivers, places, tmp_path, robot, encoding, text) -> None:
    frame = places[0][0]
    words = ("--cameras", "side", "--out", str(tmp_path / "c.yaml"), "--timeout-s", "3")
    process = start("visuomotor.cli", "calibrate", "extrinsics", *words)

    def play() -> None:
        drivers.show(frame, encoding)
        if robot:
            drivers.stand(frame.robot.T_base_ee)

    until(drivers, lambda: process.poll() is not None, play, 60.0)
    code, _, error = ended(process)
    assert code == 2
    assert text in next(line for line in error.splitlines() if line.startswith("error: "))
    assert "Traceback" not in error


def test_the_wiggle_goes_through_the_bridge(tmp_path: Path) -> None:
    out = tmp_path / "calibration.yaml"
    size = ("-p", "width:=128", "-p", "height:=96", "-p", "cameras:=[front]")
    late = ("-p", "camera_latency_s:=[0.05]", "-p", "command_latency_s:=0.06")
    nodes = [
        start("visuomotor.nodes.sim", "--ros-args", *size, *late),
        start("visuomotor.nodes.cartesian_bridge", "--ros-args", "-p", "anchor_on_teleport:=true"),
    ]
    try:
        words = ("--cameras", "front", "--out", str(out), "--duration-s", "10", "--timeout-s", "60")
        for _ in range(3):  # a machine that was too busy meanwhile is told so, and asks again
            command = start("visuomotor.cli", "calibrate", "latency", "--yes", *words)
            _, error = command.communicate(timeout=150)
            if "Record again" not in error and "record some 10 s" not in error:
                break
        assert command.returncode == 0, error
    finally:
        for node in nodes:
            node.send_signal(signal.SIGINT)
        for node in nodes:
            node.communicate(timeout=20)
    known = load_latency(out)
    assert known.cameras["front"] == pytest.approx(0.05, abs=0.01)
    assert 0.06 < known.command_s < 0.35
    assert 0.05 < known.reference_s < known.command_s


def test_a_recorder_of_raw_streams_takes_the_latency_off(drivers, tmp_path: Path) -> None:
    """The camera's grey value says where the hand was when it looked."""
    late_ns, speed = 40_000_000, 0.1
    path = tmp_path / "calibration.yaml"
    save_yaml({"side": {"T_base_camera": np.eye(4)}, "latency": {"cameras": {"side": 0.04}}}, path)
    parameters = ("cameras:=[side]", "source:=raw", f"calibration:={path}", "color:=png")
    folder = ("min_free_mb:=1.0", f"dataset:={tmp_path / 'data'}")
    words = [w for p in (*parameters, *folder) for w in ("-p", p)]
    process = start("visuomotor.nodes.recorder", "--ros-args", *words)
    began = drivers.now_ns()
    shown = {"next": 0}

    def play() -> None:
        now = drivers.now_ns()
        y = speed * 1e-9 * (now - began)
        drivers.pose.publish(messages.pose_msg(pose(position=(0.4, y, 0.3)), now))
        drivers.joints.publish(messages.joint_state_msg(np.zeros(7), np.zeros(7), now))
        drivers.gripper.publish(messages.gripper_msg(0.05, now))
        if now >= shown["next"]:
            shown["next"] = now + 50_000_000
            value = round(y * 1e3) % 256  # mm
            drivers.info.publish(messages.camera_info_msg(SMALL, now, "side"))
            grey = np.full((48, 64, 3), value, np.uint8)
            drivers.color.publish(color_msg(grey, now + late_ns, "side"))
            drivers.depth.publish(depth_msg(np.full((48, 64), 500, np.uint16), now + late_ns, "s"))

    def ask(name: str) -> str:
        client = drivers.create_client(Trigger, name)
        return str(call(drivers, client, 30.0).message)

    try:
        folder_now = ask("recorder/start")
        end = time.monotonic() + 3.0
        until(drivers, lambda: time.monotonic() > end, play, 30.0)
        episode = Path(ask("recorder/stop"))
        assert str(episode) == folder_now
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    frames = list(read_frames(episode))
    assert len(frames) > 10
    for frame in frames:
        seen_mm = float(frame.cameras["side"].color[0, 0, 0])
        robot_mm = (1e3 * frame.robot.T_base_ee[1, 3]) % 256
        assert abs(seen_mm - robot_mm) < 1.0 or abs(seen_mm - robot_mm) > 255
