"""The recorder as a process of its own in a real graph, fed by a robot with one camera."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from ros_node import running  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from visuomotor.contracts import STEP_NS  # noqa: E402
from visuomotor.errors import RobotError  # noqa: E402
from visuomotor.geometry import PinholeCamera, pose  # noqa: E402
from visuomotor.recording import (  # noqa: E402
    find_episodes,
    find_partial,
    load_sidecar,
    open_bag,
    read_actions,
    read_frames,
    repair,
)
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_msg, depth_msg  # noqa: E402
from visuomotor.ros.services import call, set_parameters  # noqa: E402

CAMERA = PinholeCamera.from_fovy(64, 48, 0.8)
ROTATION = np.diag([1.0, -1.0, -1.0])
T_BASE_CAMERA = pose(ROTATION, [0.5, 0.0, 1.0])


class Publishers(Node):
    """Publishes synchronised sets whose colour holds their number, and commands."""

    def __init__(self) -> None:
        super().__init__("publishers")
        qos = topics.SENSOR
        self.color = self.create_publisher(Image, topics.color("front", "synced/"), qos)
        self.depth = self.create_publisher(Image, topics.depth("front", "synced/"), qos)
        self.info = self.create_publisher(CameraInfo, topics.camera_info("front", "synced/"), qos)
        self.pose = self.create_publisher(PoseStamped, topics.SYNCED_POSE, topics.STATE)
        self.joints = self.create_publisher(JointState, topics.SYNCED_JOINT_STATES, topics.STATE)
        self.target = self.create_publisher(PoseStamped, topics.COMMAND_POSE, topics.COMMAND)
        self.grip = self.create_publisher(JointState, topics.COMMAND_GRIPPER, topics.COMMAND)
        self.cube = self.create_publisher(PoseStamped, topics.object_pose("cube"), topics.STATE)
        self.mount = self.create_publisher(
            TransformStamped, topics.extrinsics("front"), topics.LATCHED
        )
        self.mount.publish(messages.transform_msg(T_BASE_CAMERA, 0, "fr3_link0", "front_optical"))
        self.sent = 0
        self.status: dict[str, str] = {}
        self.create_subscription(
            DiagnosticArray, topics.DIAGNOSTICS, self.take_status, topics.RELIABLE
        )
        self.create_timer(STEP_NS * 1e-9, self.publish_set)

    def take_status(self, msg: DiagnosticArray) -> None:
        self.status = messages.diagnostics_from_msg(msg).get("recorder", self.status)

    def publish_set(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        i, self.sent = self.sent, self.sent + 1
        T = pose(ROTATION, [0.4, 0.001 * i, 0.3])
        self.info.publish(messages.camera_info_msg(CAMERA, now_ns, "front_optical"))
        self.color.publish(color_msg(np.full((48, 64, 3), i % 256, np.uint8), now_ns, "f"))
        self.depth.publish(depth_msg(np.full((48, 64), 1000 + i, np.uint16), now_ns, "f"))
        self.pose.publish(messages.pose_msg(T, now_ns))
        self.joints.publish(messages.joint_state_msg(np.full(7, i), np.zeros(7), now_ns, 0.06))
        self.target.publish(messages.pose_msg(T, now_ns + STEP_NS // 2))
        self.grip.publish(messages.gripper_command_msg(0.02, now_ns + STEP_NS // 2))
        self.cube.publish(messages.pose_msg(T, now_ns))


@pytest.fixture
def publishers() -> Iterator[Publishers]:
    yield from running(Publishers)


def until(node: Node, condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        rclpy.spin_once(node, timeout_sec=0.05)


def trigger(node: Node, name: str) -> str:
    client = node.create_client(Trigger, name)
    try:
        return str(call(node, client, 20.0).message)
    finally:
        node.destroy_client(client)


@pytest.fixture
def recorder(tmp_path: Path, publishers: Publishers) -> Iterator[subprocess.Popen[str]]:
    parameters = {
        "cameras": '["front"]',
        "dataset": str(tmp_path),
        "color": "png",
        "min_free_mb": "1.0",
        "extra_topics": '["sim/objects/*/pose"]',
    }
    arguments = [x for k, v in parameters.items() for x in ("-p", f"{k}:={v}")]
    process = subprocess.Popen(
        [sys.executable, "-m", "visuomotor.nodes.recorder", "--ros-args", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    yield process
    process.kill()
    process.wait()


def test_records_episodes_through_services(
    tmp_path: Path, publishers: Publishers, recorder: subprocess.Popen[str]
) -> None:
    until(publishers, lambda: int(publishers.status.get("pre_roll", 0)) > 20)
    with pytest.raises(RobotError, match="call recorder/start first"):
        trigger(publishers, "recorder/stop")
    set_parameters(publishers, "recorder", {"task": "lift", "operator": "ada", "tags": ("a", "b")})
    at_start = publishers.sent
    folder = Path(trigger(publishers, "recorder/start"))
    assert not folder.exists()
    until(publishers, lambda: int(publishers.status.get("sets", 0)) > 30)
    trigger(publishers, "recorder/mark_success")
    assert Path(trigger(publishers, "recorder/stop")) == folder

    sidecar = load_sidecar(folder)
    assert (sidecar.task, sidecar.operator, sidecar.tags) == ("lift", "ada", ("a", "b"))
    assert sidecar.outcome == "success"
    frames = list(read_frames(folder))
    lasted_s = (frames[-1].stamp_ns - frames[0].stamp_ns) * 1e-9  # a busy machine publishes late
    rate_hz = sidecar.rates_hz["/synced/front/color/compressed"]
    assert rate_hz == pytest.approx((len(frames) - 1) / lasted_s, rel=0.1)
    numbers = [int(f.cameras["front"].color[0, 0, 0]) for f in frames]
    assert numbers[0] < at_start, "the pre-roll opens the episode"
    assert len(numbers) > 30
    assert (np.diff(numbers) == 1).mean() > 0.9, "a loaded machine may lose one, the seam not"
    for number, frame in zip(numbers, frames, strict=True):
        camera = frame.cameras["front"]
        assert camera.depth_mm is not None
        assert (camera.depth_mm == 1000 + number).all()
        assert camera.camera == CAMERA
        np.testing.assert_allclose(camera.T_base_camera, T_BASE_CAMERA, atol=1e-9)
        assert frame.robot.gripper_width_m == pytest.approx(0.06)
    stamps, _, widths = read_actions(folder)
    assert len(stamps) >= len(frames) - 2
    assert widths[-1] == pytest.approx(0.02)
    with open_bag(folder) as bag:
        assert bag.count("/sim/objects/cube/pose") > 20

    second = Path(trigger(publishers, "recorder/start"))
    until(publishers, lambda: publishers.status.get("episode") == str(second))
    trigger(publishers, "recorder/stop")
    trigger(publishers, "recorder/mark_failure")
    assert load_sidecar(second).outcome == "failure"
    trigger(publishers, "recorder/discard")
    assert find_episodes(tmp_path) == [folder]
    assert trigger(publishers, "recorder/undo") == f"restored {second}"
    assert find_episodes(tmp_path) == [folder, second]
    with pytest.raises(RobotError, match="nothing was discarded"):
        trigger(publishers, "recorder/undo")


def test_a_killed_recorder_leaves_an_episode_to_repair(
    tmp_path: Path, publishers: Publishers, recorder: subprocess.Popen[str]
) -> None:
    until(publishers, lambda: int(publishers.status.get("pre_roll", 0)) > 20)
    trigger(publishers, "recorder/start")
    until(publishers, lambda: int(publishers.status.get("sets", 0)) > 40)
    sent = publishers.sent
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    (partial,) = find_partial(tmp_path)
    episode = repair(partial)
    frames = list(read_frames(episode))
    last = int(frames[-1].cameras["front"].color[0, 0, 0])
    assert len(frames) > 20
    assert last >= sent - 45, "about a second is lost, a further one for a busy machine"
    assert load_sidecar(episode).tags == ("repaired",)


def test_sigint_finishes_the_episode(
    tmp_path: Path, publishers: Publishers, recorder: subprocess.Popen[str]
) -> None:
    until(publishers, lambda: int(publishers.status.get("pre_roll", 0)) > 20)
    folder = Path(trigger(publishers, "recorder/start"))
    recorder.send_signal(signal.SIGINT)
    until(publishers, lambda: recorder.poll() is not None)
    assert recorder.returncode == 0
    assert list(read_frames(folder))
    assert load_sidecar(folder).outcome == "unknown"
