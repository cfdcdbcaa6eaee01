"""Whole launch files: up at their rates, reported, and down without leaving a process."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped, TransformStamped  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402

from visuomotor.ros import topics  # noqa: E402

pytestmark = pytest.mark.alone

UP = (
    "import sys; from visuomotor.ros.launch import up; from visuomotor.errors import "
    "VisuomotorError\n"
    "try: sys.exit(up(sys.argv[1], sys.argv[2:]))\n"
    "except VisuomotorError as error: sys.exit(f'error: {error}')"
)
MARK = "VISUOMOTOR_TEST_LAUNCH"


class Launch:
    """`visuomotor up` with a mark in its environment, which all its processes inherit."""

    def __init__(self, log: Path, *words: str) -> None:
        self.mark = f"{os.getpid()}-{time.monotonic_ns()}"
        self.log = log
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", UP, *words],
                env={**os.environ, MARK: self.mark},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self) -> str:
        return self.log.read_text()

    def processes(self) -> dict[int, str]:
        """All living processes with the mark, by pid with their command lines."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{MARK}={self.mark}".encode() not in (folder / "environ").read_bytes():
                    continue
                state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state != "Z":
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        return found

    def wait_for(self, text: str, timeout_s: float = 20.0) -> None:
        end = time.monotonic() + timeout_s
        while text not in self.text():
            assert time.monotonic() < end, f"no {text!r} in:\n{self.text()}"
            assert self.process.poll() is None or text in self.text(), self.text()
            time.sleep(0.05)

    def gone_within(self, timeout_s: float) -> int:
        """Waits for the end of all its processes; the exit code of `up`."""
        end = time.monotonic() + timeout_s
        code = self.process.wait(timeout_s)
        while left := self.processes():
            assert time.monotonic() < end, f"left behind: {left}\n{self.text()}"
            time.sleep(0.02)
        return code


@pytest.fixture
def launch(tmp_path: Path) -> Iterator:
    started: list[Launch] = []

    def start(*words: str) -> Launch:
        started.append(Launch(tmp_path / f"{len(started)}.log", *words))
        return started[-1]

    yield start
    for one in started:
        for pid in one.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        one.process.wait()


def rates_hz(wanted: dict[str, tuple[type, object, float]], within_s: float) -> dict[str, float]:
    """Listens until every topic has its rate (over 2 s), or the time is over; the last rates."""
    rclpy.init()
    node = Node("listener")
    counts: Counter[str] = Counter()

    def count(topic: str):
        return lambda _: counts.update([topic])

    for topic, (kind, qos, _) in wanted.items():
        node.create_subscription(kind, topic, count(topic), qos, raw=True)
    start = window = time.monotonic()
    rates: dict[str, float] = {}
    try:
        while time.monotonic() - start < within_s:
            rclpy.spin_once(node, timeout_sec=0.1)
            elapsed_s = time.monotonic() - window
            if elapsed_s >= 2.0:
                rates = {t: counts[t] / elapsed_s for t in wanted}
                if all(rates[t] >= least for t, (_, _, least) in wanted.items()):
                    break
                counts.clear()
                window = time.monotonic()
    finally:
        node.destroy_node()
        rclpy.shutdown()
    return rates


@pytest.mark.slow
def test_the_simulated_cell_comes_up_at_its_rates_and_goes_down(launch) -> None:
    wanted: dict[str, tuple[type, object, float]] = {
        topics.CURRENT_POSE: (PoseStamped, topics.STATE, 80.0),
        topics.JOINT_STATES: (JointState, topics.STATE, 80.0),
        topics.GRIPPER_JOINT_STATES: (JointState, topics.STATE, 80.0),
        topics.SYNCED_POSE: (PoseStamped, topics.STATE, 18.0),
        topics.SYNCED_JOINT_STATES: (JointState, topics.STATE, 18.0),
        topics.COMMAND_REFERENCE: (PoseStamped, topics.COMMAND, 80.0),
    }
    for camera in ("front", "side"):
        for prefix in ("", topics.SYNCED):
            wanted[topics.color(camera, prefix)] = (Image, topics.SENSOR, 18.0)
            wanted[topics.depth(camera, prefix)] = (Image, topics.SENSOR, 18.0)
            wanted[topics.camera_info(camera, prefix)] = (CameraInfo, topics.SENSOR, 18.0)
    if os.getloadavg()[0] > 2 * len(os.sched_getaffinity(0)):
        # Others use this machine: the topics must come, at whatever rate is left for them.
        wanted = {t: (kind, qos, 0.5) for t, (kind, qos, _) in wanted.items()}
    cell = launch("sim", "task:=lift")
    rates = rates_hz(wanted, 15.0)
    short = {t: f"{rates.get(t, 0):.1f}" for t, w in wanted.items() if rates.get(t, 0) < w[2]}
    assert not short, f"below their rates: {short}\n{cell.text()}"
    extrinsics = {
        topics.extrinsics(c): (TransformStamped, topics.LATCHED, 0.1) for c in ("front", "side")
    }
    late = rates_hz(extrinsics, 10.0)
    assert all(rate > 0 for rate in late.values()), late
    assert len(cell.processes()) == 4
    cell.process.send_signal(signal.SIGINT)
    assert cell.gone_within(5.0) == 0, cell.text()


NODE_FILE = """<launch>
  <node pkg="test_nodes" exec="{0}" name="first" {1}/>
  <node pkg="test_nodes" exec="steady" name="second"/>
</launch>"""
STEADY = "trap 'echo told; exit 0' INT TERM; echo up; while :; do sleep 0.02; done"
SCRIPTS = {
    "steady": STEADY,
    "dying": "echo short; sleep 0.3; exit 3",
    "stubborn": "trap '' INT TERM; sleep 1000 & echo up; while :; do sleep 0.02; done",
    "cartesian_bridge": STEADY,
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A launch file of shell scripts that stand for nodes of another package."""
    folder = tmp_path / "prefix" / "lib" / "test_nodes"
    folder.mkdir(parents=True)
    for name, script in SCRIPTS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))

    def write(executable: str, attributes: str = "") -> str:
        path = tmp_path / f"{executable}.launch.xml"
        path.write_text(NODE_FILE.format(executable, attributes))
        return str(path)

    return write


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_take_all_down(launch, file, number: int) -> None:
    cell = launch(file("steady"))
    cell.wait_for("[second] up")
    cell.wait_for("[first] up")
    cell.process.send_signal(number)
    assert cell.gone_within(5.0) == 0
    assert "[first] told" in cell.text()
    assert "[second] told" in cell.text()


def test_a_death_is_reported_and_the_rest_goes_on(launch, file) -> None:
    cell = launch(file("dying"))
    cell.wait_for("[up] first ended with exit code 3")
    cell.wait_for("[second] up")
    assert cell.process.poll() is None
    cell.process.send_signal(signal.SIGINT)
    assert cell.gone_within(5.0) == 0


def test_a_required_nodes_end_is_the_end(launch, file) -> None:
    cell = launch(file("dying", 'on_exit="shutdown"'))
    assert cell.gone_within(10.0) == 3
    assert "first is required: stopping" in cell.text()


def test_a_node_may_start_again(launch, file) -> None:
    cell = launch(file("dying", 'respawn="true" respawn_delay="0.1"'))
    cell.wait_for("[up] starting first again")
    end = time.monotonic() + 10
    while cell.text().count("[first] short") < 2:
        assert time.monotonic() < end, cell.text()
        time.sleep(0.05)
    cell.process.send_signal(signal.SIGINT)
    assert cell.gone_within(5.0) == 0


def test_who_does_not_listen_is_killed_with_its_children(launch, file) -> None:
    cell = launch(file("stubborn"))
    cell.wait_for("[first] up")
    cell.wait_for("[second] up")
    cell.process.send_signal(signal.SIGINT)
    assert cell.gone_within(5.0) == 1
    assert "first died of SIGKILL while stopping" in cell.text()


def test_the_bridge_is_stopped_last(launch, file) -> None:
    cell = launch(file("cartesian_bridge"))
    cell.wait_for("[first] up")
    cell.wait_for("[second] up")
    cell.process.send_signal(signal.SIGINT)
    assert cell.gone_within(5.0) == 0
    assert cell.text().index("[second] told") < cell.text().index("[first] told")


def test_nodes_do_not_outlive_a_launch_that_is_killed(launch, file) -> None:
    cell = launch(file("steady"))
    cell.wait_for("[first] up")
    cell.wait_for("[second] up")
    cell.process.kill()
    assert cell.gone_within(5.0) == -signal.SIGKILL


def test_a_wrong_file_is_one_line(launch, tmp_path: Path) -> None:
    path = tmp_path / "wrong.launch.xml"
    path.write_text('<launch>\n\n<nod pkg="a"/></launch>')
    cell = launch(str(path))
    assert cell.gone_within(20.0) == 1
    assert cell.text().startswith(f"error: {path}:3: <nod>: unknown element in <launch> 'nod'")
    assert cell.text().count("\n") == 1
