"""Parameters, services, streams and the life of a node, with real nodes."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from visuomotor.errors import ConfigError, RobotError  # noqa: E402
from visuomotor.geometry import PinholeCamera, matrix_from_rotvec, pose  # noqa: E402
from visuomotor.ros import images, messages, services, topics  # noqa: E402
from visuomotor.ros.parameters import declare, read  # noqa: E402
from visuomotor.ros.periodic import PeriodicThread  # noqa: E402
from visuomotor.ros.run import run_node  # noqa: E402
from visuomotor.ros.streams import FrameStreams  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Config:
    task: str = "lift"
    seed: int = 0
    rate_hz: float = 20.0
    depth: bool = True
    cameras: tuple[str, ...] = ("front",)
    nothing: tuple[str, ...] = ()
    scale: tuple[float, ...] = (1.0, 2.0)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"got seed {self.seed}, expected 0 or more")


@pytest.fixture(autouse=True, scope="module")
def ros() -> Iterator[None]:
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.fixture
def make_node() -> Iterator:
    made: list[Node] = []

    def make(name: str = "room", **overrides: object) -> Node:
        values = [Parameter(k, value=v) for k, v in overrides.items()]
        made.append(Node(name, parameter_overrides=values))
        return made[-1]

    yield make
    for node in made:
        node.destroy_node()


def test_defaults_are_the_dataclass(make_node) -> None:
    node = make_node()
    assert declare(node, Config) == Config()
    assert set(dataclasses.asdict(Config())) <= set(node._parameters)


def test_overrides_are_taken_and_converted(make_node) -> None:
    node = make_node(task=7, rate_hz=5, cameras=["a", "b"], nothing=[""], scale=[1, 2, 3])
    assert declare(node, Config) == Config("7", 0, 5.0, True, ("a", "b"), (), (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"camera": ["a"]}, "node room: unknown parameter 'camera'; did you mean 'cameras'"),
        ({"rate_hz": "fast"}, "node room: Config.rate_hz: got 'fast', expected float"),
        ({"depth": 1}, "Config.depth: got 1, expected bool"),
        ({"task": True}, "Config.task: got True, expected str"),
        ({"seed": -1}, "got seed -1, expected 0 or more"),
    ],
)
def test_wrong_overrides_are_errors(make_node, overrides, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        declare(make_node(**overrides), Config)


def test_later_changes_are_checked_and_read(make_node) -> None:
    node = make_node()
    declare(node, Config, live=("seed",))
    (refused,) = node.set_parameters([Parameter("seed", value=-5)])
    assert not refused.successful
    assert "got seed -5" in refused.reason
    (taken,) = node.set_parameters([Parameter("seed", value=5)])
    assert taken.successful
    assert read(node, Config).seed == 5


def test_a_change_that_would_be_none_is_refused(make_node) -> None:
    node = make_node()
    before = declare(node, Config, live=("seed",))
    (refused,) = node.set_parameters([Parameter("rate_hz", value=5.0)])
    assert not refused.successful
    assert "rate_hz counts at a start only" in refused.reason
    assert read(node, Config) == before
    (same,) = node.set_parameters([Parameter("rate_hz", value=before.rate_hz)])
    assert same.successful


@pytest.fixture
def server(make_node) -> Iterator[Node]:
    """A node in another thread that offers two triggers and parameters."""
    node = make_node("server")
    declare(node, Config, live=("seed", "cameras"))

    def refuse() -> str:
        raise RobotError("the gripper is not homed; call gripper/home")

    services.trigger(node, "good", lambda: f"seed {read(node, Config).seed}")
    services.trigger(node, "bad", refuse)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    yield node
    executor.shutdown()
    thread.join()


def test_triggers_answer_with_a_text(make_node, server) -> None:
    node = make_node("client")
    services.set_parameters(node, "server", {"seed": 3, "cameras": ("x", "y")})
    good, bad = (node.create_client(Trigger, name) for name in ("good", "bad"))
    assert services.call(node, good).message == "seed 3"
    with pytest.raises(RobotError, match=r"service /?bad refused: the gripper is not homed"):
        services.call(node, bad)
    with pytest.raises(RobotError, match=r"node server refused.*got seed -1"):
        services.set_parameters(node, "server", {"seed": -1})
    with pytest.raises(RobotError, match=r"no service .*nowhere within 0.1 s"):
        services.call(node, node.create_client(Trigger, "nowhere"), timeout_s=0.1)


def test_a_periodic_thread_keeps_its_rate_while_the_executor_is_busy(make_node) -> None:
    calls: list[float] = []
    thread = PeriodicThread(make_node(), 0.01, lambda: calls.append(time.monotonic()))
    end = time.monotonic() + 20.0
    while len(calls) < 50:  # nobody spins the node
        assert time.monotonic() < end
        time.sleep(0.01)
    thread.stop()
    assert calls[-1] - calls[0] > 0.4  # 49 periods: it never runs ahead
    count = len(calls)
    time.sleep(0.05)
    assert len(calls) == count


def test_what_a_periodic_thread_raises_ends_the_node() -> None:
    class Node_(Node):
        def __init__(self) -> None:
            super().__init__("broken")
            self.steps = 0
            self.thread = PeriodicThread(self, 0.01, self.step)

        def step(self) -> None:
            self.steps += 1
            if self.steps == 3:
                raise RobotError("the arm does not answer; switch it on")

        def close(self) -> None:
            self.thread.stop()
            closed.append(self.steps)

    closed: list[int] = []
    rclpy.try_shutdown()
    try:
        with pytest.raises(SystemExit) as end:
            run_node(Node_, [])
    finally:
        rclpy.init()
    assert end.value.code == 1
    assert closed == [3]


def test_a_service_is_not_waited_for_once_ros_is_shut_down() -> None:
    context = rclpy.Context()
    rclpy.init(context=context)
    alone = rclpy.create_node("alone", context=context)
    client = alone.create_client(Trigger, "nobody")
    rclpy.shutdown(context=context)
    caller = services.ServiceCaller(alone)
    for ask in (lambda: services.call(alone, client), lambda: caller.trigger("nobody")):
        with pytest.raises(RobotError, match=r"no service .*nobody: ROS was shut down"):
            ask()


class Sink:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.got: dict[str, list[tuple]] = {}

    def __getattr__(self, name: str):
        if name == "set_mount":
            raise AttributeError(name)
        return lambda *values: self.got.setdefault(name, []).append(values)


def publish_everything(node: Node, prefix: str, base: str = "fr3_link0"):
    """Publishers of all streams of camera `front`; the function sends one of each."""
    color = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    T = pose(matrix_from_rotvec((0.1, 0.2, 0.3)), (0.4, 0.0, 0.2))
    camera = PinholeCamera(3, 2, 2.0, 2.0, 1.0, 0.5)
    width = 0.05 if prefix else None
    sent = [
        (Image, topics.color("front", prefix), topics.SENSOR, images.color_msg(color, 5, "c")),
        (
            Image,
            topics.depth("front", prefix),
            topics.SENSOR,
            images.depth_msg(color[..., 0].astype(np.uint16), 5, "c"),
        ),
        (
            CameraInfo,
            topics.camera_info("front", prefix),
            topics.SENSOR,
            messages.camera_info_msg(camera, 5, "c"),
        ),
        (
            TransformStamped,
            topics.extrinsics("front"),
            topics.LATCHED,
            messages.transform_msg(T, 5, base, "c"),
        ),
        (PoseStamped, prefix + "current_pose", topics.STATE, messages.pose_msg(T, 6)),
        (
            JointState,
            prefix + "joint_states",
            topics.STATE,
            messages.joint_state_msg(np.arange(7), np.zeros(7), 6, width),
        ),
    ]
    if not prefix:
        gripper = messages.gripper_msg(0.05, 6)
        sent.append((JointState, topics.GRIPPER_JOINT_STATES, topics.STATE, gripper))
    publishers = [(node.create_publisher(k, name, qos), msg) for k, name, qos, msg in sent]

    def send() -> None:
        for publisher, msg in publishers:
            publisher.publish(msg)

    return send, color, T, camera


def spin_until(nodes: list[Node], condition, send, timeout_s: float = 10.0) -> None:
    executor = SingleThreadedExecutor()
    for node in nodes:
        executor.add_node(node)
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the messages did not arrive"
        send()
        executor.spin_once(timeout_sec=0.05)
    executor.shutdown()


@pytest.mark.parametrize("prefix", ["", "synced/"])
def test_streams_reach_the_sink(make_node, prefix: str) -> None:
    sender, receiver = make_node("sender"), make_node("receiver")
    sink = Sink()
    FrameStreams(receiver, sink, ["front"], prefix=prefix)
    send, color, T, camera = publish_everything(sender, prefix)
    kinds = {"add_color", "add_depth", "set_camera", "set_extrinsics", "add_pose", "add_joints"}
    spin_until([sender, receiver], lambda: kinds | {"add_gripper"} <= set(sink.got), send)
    name, image = sink.got["add_color"][0]
    assert (name, image.stamp_ns, image.frame_id) == ("front", 5, "c")
    assert image.receipt_ns > 0
    np.testing.assert_array_equal(image.data, color)
    np.testing.assert_array_equal(sink.got["add_depth"][0][1].data, color[..., 0])
    assert sink.got["set_camera"] == [("front", camera)]  # once, though it came again and again
    np.testing.assert_allclose(sink.got["set_extrinsics"][0][1], T, atol=1e-9)
    assert sink.got["add_pose"][0][0] == 6
    np.testing.assert_array_equal(sink.got["add_joints"][0][1], np.arange(7))
    assert sink.got["add_gripper"][0][:2] == (6, pytest.approx(0.05))


def test_a_camera_on_the_hand_moves_with_it(make_node) -> None:
    sender, receiver = make_node("sender"), make_node("receiver")
    sink = Sink()
    FrameStreams(receiver, sink, ["front"], prefix="synced/")
    send, _, T, _ = publish_everything(sender, "synced/", base="fr3_hand_tcp")
    spin_until([sender, receiver], lambda: "set_extrinsics" in sink.got, send)
    np.testing.assert_allclose(sink.got["set_extrinsics"][0][1], T @ T, atol=1e-9)


def test_unusable_messages_are_counted_and_the_rest_goes_on(make_node) -> None:
    sender, receiver = make_node("sender"), make_node("receiver")
    sink = Sink()
    streams = FrameStreams(receiver, sink, ["front"])
    image = sender.create_publisher(Image, topics.color("front"), topics.SENSOR)
    arm = sender.create_publisher(PoseStamped, topics.CURRENT_POSE, topics.STATE)

    def send() -> None:
        image.publish(Image(encoding="bayer_rggb8", height=1, width=1, step=1, data=bytes(1)))
        arm.publish(messages.pose_msg(np.eye(4), 1, "camera_link"))

    spin_until([sender, receiver], lambda: len(streams.refused) == 2, send)
    assert set(streams.refused) == {topics.color("front"), topics.CURRENT_POSE}
    assert not sink.got


NODE = """
import ctypes
import sys
from rclpy.node import Node
from visuomotor.errors import RobotError
from visuomotor.ros.run import run_node

class Life(Node):
    def __init__(self):
        if "start" in sys.argv:
            raise RobotError("no arm at 1.2.3.4")
        super().__init__("life")
        self.create_timer(0.05, self.tick)
        print("up", flush=True)
    def tick(self):
        if "crash" in sys.argv:
            raise ZeroDivisionError("in a callback")
        if "done" in sys.argv:
            raise SystemExit(0)
    def close(self):
        print("closed, ROS", self.context.ok(), flush=True)
        if "unclosable" in sys.argv:
            raise RobotError("the brakes do not answer")
    def destroy_node(self):
        if "stuck" in sys.argv:
            ctypes.PyDLL(None).sleep(60)  # in C, and no other thread may run Python
        super().destroy_node()

run_node(Life)
print("after", flush=True)  # never: a node that ran ends the process
"""


def life(folder: Path, *words: str) -> subprocess.Popen:
    script = folder / "life.py"
    script.write_text(NODE)
    command = [sys.executable, str(script), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_node_cleanly_and_soon(tmp_path: Path, number: int) -> None:
    process = life(tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    start = time.monotonic()
    process.send_signal(number)
    process.send_signal(number)  # a second one changes nothing
    out, err = process.communicate(timeout=10)
    assert time.monotonic() - start < 2.0
    assert (process.returncode, out) == (0, "closed, ROS True\n"), err


@pytest.mark.parametrize(
    ("word", "code", "out", "err"),
    [
        ("done", 0, "up\nclosed, ROS True\n", ""),
        ("crash", 1, "up\nclosed, ROS True\n", "ZeroDivisionError: in a callback"),
        ("start", 2, "", "error: no arm at 1.2.3.4\n"),
        ("--ros-args", 0, None, ""),
    ],
)
def test_exit_codes(tmp_path: Path, word: str, code: int, out: str | None, err: str) -> None:
    words = [word] if out is not None else ["done", "--ros-args", "-r", "__node:=x"]
    process = life(tmp_path, *words)
    got_out, got_err = process.communicate(timeout=20)
    assert process.returncode == code, got_err
    assert out is None or got_out == out
    assert err in got_err
    assert code != 2 or got_err == err  # one line


def test_bad_ros_arguments_are_one_error(tmp_path: Path) -> None:
    process = life(tmp_path, "--ros-args", "-p", "nonsense")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "error: ROS did not start with the arguments --ros-args -p nonsense" in err


def test_a_close_that_fails_is_told(tmp_path: Path) -> None:
    process = life(tmp_path, "done", "unclosable")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the brakes do not answer" in err


def test_a_node_that_cannot_leave_the_graph_ends_all_the_same(tmp_path: Path) -> None:
    process = life(tmp_path, "done", "stuck")
    out, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGALRM, err
    assert out == "up\nclosed, ROS True\n"
