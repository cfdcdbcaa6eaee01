"""The node weak_capture on real cameras' topics: at a call, at intervals, at keys, and errors."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from test_weak_keyboard import Typist  # noqa: E402

from visuomotor.errors import ConfigError, RobotError  # noqa: E402
from visuomotor.nodes.weak_capture import Config, WeakCapture  # noqa: E402
from visuomotor.ros import topics  # noqa: E402
from visuomotor.ros.images import color_msg  # noqa: E402
from visuomotor.ros.services import call  # noqa: E402

SIZES = {"front": (48, 64), "side": (60, 60)}


class Cameras(Node):
    """Publishes a new picture of each camera at 50 Hz, those named in `silent` none."""

    def __init__(self) -> None:
        super().__init__("cameras")
        self._rng = np.random.default_rng(0)
        self.silent: set[str] = set()
        self.encoding, self.shown = "", 0
        self._out = {c: self.create_publisher(Image, topics.color(c), topics.SENSOR) for c in SIZES}
        self.create_timer(0.02, self._publish)

    def _publish(self) -> None:
        self.shown += 1
        for camera, publisher in self._out.items():
            pixels = np.zeros((*SIZES[camera], 3), np.uint8)
            pixels[:] = (*divmod(self.shown, 256), 0)
            pixels[::7] = self._rng.integers(0, 255, 3)
            msg = color_msg(pixels, self.get_clock().now().nanoseconds, camera)
            msg.encoding = self.encoding or msg.encoding
            if camera not in self.silent:
                publisher.publish(msg)


class Graph:
    """Cameras, the node under test, and who calls it, each spun by a thread of its own."""

    def __init__(self, *words: str) -> None:
        given = [w for word in words for w in ("-p", f"weak_capture:{word}")]
        rclpy.init(args=["--ros-args", *given])
        self.cameras = Cameras()
        self.user = rclpy.create_node("user")
        self.nodes: list[Node] = [self.cameras]
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._spin(self.cameras)

    def add(self) -> WeakCapture:
        node = WeakCapture()
        self.nodes.append(node)
        if not node.config.every_s:  # else its own thread looks at the images
            until(node.images.heard)
        self._spin(node)
        return node

    def snap(self) -> str:
        client = self.user.create_client(Trigger, topics.WEAK_SNAP)
        return str(call(self.user, client, 20.0).message)

    def _spin(self, node: Node) -> None:
        executor = SingleThreadedExecutor()
        executor.add_node(node)

        def run() -> None:
            while not self._stop.is_set():
                executor.spin_once(timeout_sec=0.1)

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def close(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(10)
        for node in (*self.nodes, self.user):
            if isinstance(node, WeakCapture):
                node.close()
            node.destroy_node()
        rclpy.try_shutdown()


@pytest.fixture
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Graph]:
    words = getattr(request, "param", ())
    made = Graph(f"folder:={tmp_path / 'weak'}", *words)
    yield made
    made.close()


def files(folder: Path, label: str) -> list[Path]:
    """What lies there but the hidden file that is just being written."""
    return [p for p in sorted((folder / "weak" / label).glob("*")) if p.name[0] != "."]


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


@pytest.mark.parametrize("graph", [("cameras:=[front, side]", "color:=png")], indirect=True)
def test_a_call_snaps_what_the_cameras_see_then(graph: Graph, tmp_path: Path) -> None:
    node = graph.add()
    before = graph.cameras.shown
    assert "weak has 2 with" in graph.snap()
    front, side = files(tmp_path, "with")
    assert front.name.startswith("front_2")
    assert side.name.startswith("side_2")
    shots = [cv2.imread(str(p)) for p in (front, side)]
    assert [s.shape[:2] for s in shots] == list(SIZES.values())
    _, low, high = map(int, shots[0][1, 1])
    assert 256 * high + low >= before, "taken after the call, not from a queue"
    node.set_parameters([Parameter("label", value="without")])
    assert "2 with, 2 without" in graph.snap()
    assert len(files(tmp_path, "without")) == 2
    assert files(tmp_path, "with") == [front, side]
    refused = node.set_parameters([Parameter("label", value="../elsewhere")])
    assert not refused[0].successful
    assert "can name a folder" in refused[0].reason


@pytest.mark.parametrize("graph", [("cameras:=[front, side]", "timeout_s:=0.5")], indirect=True)
def test_a_silent_camera_is_named_and_nothing_is_written(graph: Graph, tmp_path: Path) -> None:
    graph.add()
    graph.snap()
    graph.cameras.silent = {"side"}
    until(lambda: "no image on side/color/image_raw within 0.5 s" in refusal(graph))
    before = files(tmp_path, "with")
    assert "no image on side" in refusal(graph)
    assert files(tmp_path, "with") == before
    graph.cameras.silent, graph.cameras.encoding = set(), "yuv422"
    until(lambda: "got encoding 'yuv422'" in refusal(graph))
    graph.cameras.encoding = ""
    until(lambda: not refusal(graph))
    assert len(files(tmp_path, "with")) == len(before) + 2


def refusal(graph: Graph) -> str:
    try:
        graph.snap()
    except RobotError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("graph", [("every_s:=0.1", "min_free_mb:=0.0")], indirect=True)
def test_at_intervals_it_snaps_by_itself(graph: Graph, tmp_path: Path) -> None:
    graph.add()
    until(lambda: len(files(tmp_path, "with")) >= 3)
    assert all(cv2.imread(str(p)) is not None for p in files(tmp_path, "with"))


@pytest.mark.parametrize("graph", [("min_free_mb:=1e12",)], indirect=True)
def test_a_disk_without_room_is_told(graph: Graph, tmp_path: Path) -> None:
    graph.add()
    with pytest.raises(RobotError, match=r"nothing was written, .* free disk space"):
        graph.snap()
    assert not (tmp_path / "weak").exists()


def test_keys_snap_and_choose_the_label(graph: Graph, tmp_path: Path) -> None:
    words = ["--camera", "front", "--label", "without", "--out", str(tmp_path / "weak")]
    typist = Typist("capture", *words)
    try:
        at = typist.sees("1 with, 2 without, q: end")
        typist.types(" ")
        at = typist.sees("weak has 1 without", at)
        typist.types("1\n")
        at = typist.sees("label with", at)
        at = typist.sees("weak has 1 with, 1 without", at)
        assert "2 with, 1 without" in graph.snap(), "the service of the same node"
        typist.types("q")
        assert typist.process.wait(20) == 0
        assert typist.restored()
    finally:
        typist.close()
    assert [len(files(tmp_path, n)) for n in ("with", "without")] == [2, 1]
    assert not os.path.exists(tmp_path / "front")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"label": "a/b"}, "can name a folder"),
        ({"cameras": ()}, "expected one or more"),
        ({"cameras": ("front", "front")}, "each once"),
        ({"longest_px": 10}, "expected 64 or more"),
        ({"every_s": -1.0}, "expected 0 or more"),
        ({"timeout_s": 0.0}, "above 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, object], expected: str) -> None:
    with pytest.raises((ValueError, ConfigError), match=expected):
        Config(**values)  # type: ignore[arg-type]
