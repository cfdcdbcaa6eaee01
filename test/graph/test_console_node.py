"""The node `console` among others: what it takes off the graph, and what it asks of whom."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState, PointCloud2  # noqa: E402
from std_msgs.msg import Bool  # noqa: E402
from visualization_msgs.msg import MarkerArray  # noqa: E402

from visuomotor.console.arm import LINKS, link_poses  # noqa: E402
from visuomotor.errors import RobotError  # noqa: E402
from visuomotor.geometry import PinholeCamera, matrix_from_rotvec, pose  # noqa: E402
from visuomotor.nodes.cartesian_bridge import CartesianBridgeNode  # noqa: E402
from visuomotor.nodes.console import Config, Console  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.images import color_msg, depth_msg  # noqa: E402
from visuomotor.ros.markers import keypoint_cloud, policy_markers  # noqa: E402
from visuomotor.ros.services import trigger  # noqa: E402

pytestmark = pytest.mark.alone

CAMERA = PinholeCamera.from_fovy(640, 360, 0.8)
T_BASE_EE = pose(matrix_from_rotvec([3.0, 0.2, 0.1]), [0.4, 0.1, 0.3])
T_MOUNT = pose(matrix_from_rotvec([0.1, 0.2, 0.3]), [0.05, 0.0, -0.06])
Q = np.array([0.1, -0.2, 0.3, -2.0, 0.4, 1.9, 0.7])
STREAMS = (
    (Image, topics.color("front", topics.SYNCED), topics.SENSOR),
    (Image, topics.depth("front", topics.SYNCED), topics.SENSOR),
    (CameraInfo, topics.camera_info("front", topics.SYNCED), topics.SENSOR),
    (PoseStamped, topics.CURRENT_POSE, topics.STATE),
    (JointState, topics.JOINT_STATES, topics.STATE),
    (JointState, topics.GRIPPER_JOINT_STATES, topics.STATE),
    (PoseStamped, topics.POLICY_POSE, topics.COMMAND),
    (PointCloud2, topics.KEYPOINTS, topics.RELIABLE),
    (MarkerArray, topics.POLICY_MARKERS, topics.RELIABLE),
)


class Cell(Node):
    """One camera, an arm, a policy that wants it where it is, and what they say to the bridge."""

    def __init__(self) -> None:
        super().__init__("cell")
        self.heard: list[bool] = []
        self.out = {topic: self.create_publisher(kind, topic, q) for kind, topic, q in STREAMS}
        for camera, parent in (("front", "fr3_hand_tcp"), ("side", "fr3_link0")):
            topic = topics.extrinsics(camera)
            self.out[topic] = self.create_publisher(TransformStamped, topic, topics.LATCHED)
            self.out[topic].publish(messages.transform_msg(T_MOUNT, 0, parent, camera))
        self.overlay = self.create_publisher(CompressedImage, topics.OVERLAY, topics.RELIABLE)
        self.create_subscription(
            Bool, topics.POLICY_ENABLE, lambda m: self.heard.append(m.data), topics.RELIABLE
        )
        trigger(self, topics.POLICY_START, self.refuse)

    def refuse(self) -> str:
        raise RobotError("no set came yet")

    def say(self, color: Any) -> None:
        """One message on every topic."""
        now_ns = self.get_clock().now().nanoseconds
        depth = np.full((360, 640), 800, np.uint16)
        info = {"keypoints": np.array([[0.5, 0.0, 0.1], [0.5, 0.1, 0.1]])}
        for topic, msg in {
            topics.CURRENT_POSE: messages.pose_msg(T_BASE_EE, now_ns),
            topics.JOINT_STATES: messages.joint_state_msg(Q, np.zeros(7), now_ns),
            topics.GRIPPER_JOINT_STATES: messages.gripper_msg(0.05, now_ns),
            topics.camera_info("front", topics.SYNCED): messages.camera_info_msg(
                CAMERA, now_ns, "front"
            ),
            topics.depth("front", topics.SYNCED): depth_msg(depth, now_ns, "front"),
            topics.color("front", topics.SYNCED): color_msg(color, now_ns, "front"),
            topics.POLICY_POSE: messages.pose_msg(T_BASE_EE, now_ns),
            topics.KEYPOINTS: keypoint_cloud(
                np.array([[0.5, 0.2, 0.1], [np.nan, 0, 0]]), np.array([0.7, 0.1]), now_ns
            ),
            topics.POLICY_MARKERS: policy_markers(info, T_BASE_EE, now_ns),
        }.items():
            self.out[topic].publish(msg)


class SlowRecorder(Node):
    """Takes its time to finish an episode."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.finishing, self.finish = threading.Event(), threading.Event()
        trigger(self, topics.RECORDER_STOP, self.stop)

    def stop(self) -> str:
        self.finishing.set()
        assert self.finish.wait(30)
        return "/data/lift/1"


@contextlib.contextmanager
def spinning(*nodes: Node) -> Iterator[None]:
    """Each node spun by a thread of its own."""
    executors = [SingleThreadedExecutor() for _ in nodes]
    threads = []
    for node, executor in zip(nodes, executors, strict=True):
        executor.add_node(node)
        threads.append(threading.Thread(target=executor.spin, daemon=True))
        threads[-1].start()
    try:
        yield
    finally:
        for executor, thread in zip(executors, threads, strict=True):
            executor.shutdown()
            thread.join(10)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, Cell, SlowRecorder]]:
    dataset = tmp_path_factory.mktemp("console")
    words = [
        "console:port:=0",
        "console:cameras:=[front, side]",
        f"console:dataset:={dataset}",
        "console:image_width_px:=320",
        "cartesian_bridge:workspace_min:=[0.2, -0.4, -0.1]",
        "cartesian_bridge:workspace_max:=[0.7, 0.4, 0.6]",
        "cartesian_bridge:table_z_m:=0.02",
        "cartesian_bridge:require_policy_enable:=false",
    ]
    rclpy.init(args=["--ros-args", *(w for word in words for w in ("-p", word))])
    console, bridge, cell, recorder = Console(), CartesianBridgeNode(), Cell(), SlowRecorder()
    try:
        with spinning(console, bridge, cell, recorder):
            yield console, cell, recorder
            console.close()
    finally:
        bridge.close()
        for node in (console, bridge, cell, recorder):
            node.destroy_node()
        rclpy.try_shutdown()


def get(console: Console, path: str) -> bytes:
    with urllib.request.urlopen(console.server.url + path, timeout=30) as reply:
        return bytes(reply.read())


def state(console: Console) -> Any:
    return json.loads(get(console, "state"))


def post(console: Console, path: str, **values: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        console.server.url + path,
        json.dumps(values).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return value


def test_images_are_taken_off_the_network_only_while_a_page_is_open(
    graph: tuple[Console, Cell, SlowRecorder],
) -> None:
    console, cell, _ = graph
    color = topics.color("front", topics.SYNCED)
    watched = (color, topics.depth("front", topics.SYNCED), topics.KEYPOINTS)
    until(lambda: cell.count_subscribers(topics.extrinsics("front")) == 1)
    assert [cell.count_subscribers(t) for t in watched] == [0, 0, 0]
    get(console, "state")
    until(lambda: [cell.count_subscribers(t) for t in watched] == [1, 1, 1])
    assert cell.count_subscribers(topics.OVERLAY) == 0, "nobody asked for it"
    get(console, "state?overlay=1")
    until(lambda: cell.count_subscribers(topics.OVERLAY) == 1)
    until(lambda: cell.count_subscribers(color) == 0)
    get(console, "state")
    until(lambda: cell.count_subscribers(color) == 1)


def test_everything_on_the_graph_comes_to_the_page(
    graph: tuple[Console, Cell, SlowRecorder],
) -> None:
    console, cell, _ = graph
    picture = np.zeros((360, 640, 3), np.uint8)
    picture[:, :320] = (250, 20, 20)

    def shown() -> Any:
        cell.say(picture)
        now = state(console)
        scene = now["scene"]
        parts = (scene["links"], scene["target"], scene["keypoints"], scene["markers"])
        complete = all(parts) and scene["workspace"] and now["cameras"]["front"]["T"]
        moved = now["bridge"] and now["bridge"]["values"]["state"] == "policy"
        return now if complete and now["cameras"]["front"]["count"] and moved else None

    now = until(shown)
    scene, front = now["scene"], now["cameras"]["front"]
    assert now["bridge"]["values"]["owner"] == "policy"
    np.testing.assert_allclose(scene["links"], link_poses(Q, 0.05), atol=1e-4)
    np.testing.assert_allclose(scene["target"], T_BASE_EE, atol=1e-4)
    assert scene["workspace"] == [[0.2, -0.4, 0.02], [0.7, 0.4, 0.6]], "the table is its floor"
    assert scene["keypoints"] == [[0.5, 0.2, 0.1, 0.7]], "what is nowhere is not drawn"
    assert {m["name"] for m in scene["markers"]} == {"keypoints", "target"}
    np.testing.assert_allclose(front["T"], T_BASE_EE @ T_MOUNT, atol=1e-4)
    np.testing.assert_allclose(now["cameras"]["side"]["T"], T_MOUNT, atol=1e-4)
    assert now["cameras"]["side"]["age_s"] is None

    image = cv2.imdecode(np.frombuffer(get(console, "image?view=front"), np.uint8), 1)
    assert image.shape == (180, 320, 3), "made smaller"
    assert image[90, 40].argmax() == 2, "red stays red"
    cloud = until(lambda: (cell.say(picture), get(console, "cloud?view=front"))[1])
    assert len(cloud) % 9 == 0
    drawn = b"\xff\xd8 what the descriptors drew"

    def overlaid() -> bool:
        cell.overlay.publish(CompressedImage(format="jpeg", data=drawn))
        return bool(json.loads(get(console, "state?overlay=1"))["overlay"]["count"])

    until(overlaid)
    assert get(console, "image?view=overlay") == drawn
    assert get(console, "image?view=none") == get(console, "cloud?view=none") == b""
    arm = json.loads(get(console, "arm"))
    assert [link["name"] for link in arm] == list(LINKS)

    until(lambda: not state(console)["scene"]["keypoints"])
    assert state(console)["scene"]["target"] is None, "nobody says it any more"


def test_a_picture_that_cannot_be_shown_says_why(
    graph: tuple[Console, Cell, SlowRecorder],
) -> None:
    console, cell, _ = graph
    topic = topics.color("front", topics.SYNCED)
    bad = color_msg(np.zeros((4, 4, 3), np.uint8), 0, "front")
    bad.encoding = "yuv422"

    def told() -> bool:
        cell.out[topic].publish(bad)
        return "got encoding 'yuv422'" in state(console)["cameras"]["front"]["error"]

    until(told)


def test_buttons_call_services_and_tell_the_answer(
    graph: tuple[Console, Cell, SlowRecorder],
) -> None:
    console, _, _ = graph
    until(lambda: state(console)["services"][topics.POLICY_START])
    ready = state(console)["services"]
    assert not ready[topics.RECORDER_START]
    assert post(console, "call", service="policy/start") == (
        400,
        {"error": "service policy/start refused: no set came yet"},
    )
    assert post(console, "call", service="recorder/start") == (
        400,
        {"error": "nobody offers recorder/start now; is that node up?"},
    )
    code, answer = post(console, "call", service="policy/strat")
    assert code == 400
    assert "did you mean 'policy/start'" in answer["error"]
    assert post(console, "call", service=3)[0] == 400
    assert post(console, "scene", seed=-1)[0] == 400


def test_a_hold_waits_for_nobody(graph: tuple[Console, Cell, SlowRecorder]) -> None:
    console, cell, recorder = graph

    def bridge() -> str:
        cell.say(np.zeros((360, 640, 3), np.uint8))
        values = state(console)["bridge"]["values"]
        return f"{values['state']}: {values['reason']}"

    until(lambda: state(console)["services"][topics.RECORDER_STOP])
    until(lambda: bridge() == "policy: ")
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(post, console, "call", service="recorder/stop")
        try:
            assert recorder.finishing.wait(30)
            assert post(console, "call", service="bridge/hold")[0] == 200
            until(lambda: bridge().startswith("hold: the operator holds the arm"))
            assert not stopping.done()
        finally:
            recorder.finish.set()
        assert stopping.result(30) == (200, {"said": "recorder/stop: /data/lift/1"})
    assert post(console, "call", service="bridge/reset")[0] == 200
    until(lambda: bridge() == "policy: ")


def test_the_dead_man_passes_on_what_is_held(graph: tuple[Console, Cell, SlowRecorder]) -> None:
    console, cell, _ = graph

    def heard_true() -> bool:
        hold = post(console, "enable", do="press")[1]["hold"]
        said = post(console, "enable", do="keep", hold=hold)[0]
        post(console, "enable", do="release", hold=hold)
        return said == 200 and True in cell.heard

    until(heard_true)
    until(lambda: cell.heard[-1] is False)
    before = len(cell.heard)
    assert post(console, "enable", do="keep", hold="made up")[0] == 400
    assert post(console, "enable", do="release", hold="made up")[0] == 200
    assert post(console, "enable", do="toggle")[0] == 400
    time.sleep(0.5)
    assert len(cell.heard) == before, "nothing of that was passed on"


@pytest.mark.parametrize(
    ("name", "value"),
    [("rate_hz", 20.0), ("image_width_px", 4000), ("port", 70000), ("rate_hz", float("nan"))],
)
def test_settings_that_would_disturb_the_loop_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Config(**{name: value})  # type: ignore[arg-type]


def test_the_command_serves_others_with_a_warning_and_a_token() -> None:
    words = ["console", "--host", "0.0.0.0", "--port", "0", "--cameras", "top", "under"]
    process = subprocess.Popen(
        [sys.executable, "-m", "visuomotor.cli", *words, "--dataset", "no such folder"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = ""
        while "ssh -L" not in said:
            line = process.stderr.readline()
            assert line, f"it ended: {said}"
            said += line
        assert "[WARN]" in said
        assert "whoever has its token can move the arm" in said
        found = re.search(r"look at http://0\.0\.0\.0:(\d+)/\?token=(\S+)", said)
        assert found, said
        here = f"http://127.0.0.1:{found[1]}/"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(here + "state", timeout=30)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(f"{here}?token={found[2]}", timeout=30) as reply:
            assert b"Operator" in reply.read()
        with opener.open(f"{here}state", timeout=30) as reply:
            assert list(json.loads(reply.read())["cameras"]) == ["top", "under"]
        with opener.open(f"{here}episodes", timeout=30) as reply:
            assert json.loads(reply.read())["dataset"] == "no such folder"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
