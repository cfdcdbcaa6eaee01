"""The training nodes as processes: progress, a checkpoint, and going on after SIGINT."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.node import Node  # noqa: E402
from ros_node import running  # noqa: E402

from visuomotor.config import read_yaml, save_yaml  # noqa: E402
from visuomotor.descriptors.model import load_descriptors  # noqa: E402
from visuomotor.policies import load_policy  # noqa: E402
from visuomotor.recording import WriterConfig  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.sim import SimConfig, SimWorld  # noqa: E402
from visuomotor.sim.demos import write_demos  # noqa: E402

SMALL = {
    "cameras": [{"name": c, "height": 60, "width": 80} for c in ("front", "side")],
    "model": {"dimensions": 4, "width": 8, "keypoints": 4},
    "pairs": 1,
    "matches": 64,
}


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dataset")
    world = SimWorld(SimConfig(cameras=("front", "side"), width=80, height=60))
    write_demos(world, root, range(3), WriterConfig(color="png"))
    world.close()
    return root


class Listener(Node):
    """Keeps every report of training/progress: (stage, step)."""

    def __init__(self) -> None:
        super().__init__("listener")
        self.reports: list[tuple[str, int]] = []
        self._since_ns = 0
        self.create_subscription(
            DiagnosticArray, topics.TRAINING_PROGRESS, self.take, topics.RELIABLE
        )

    def forget(self) -> None:
        """Drops what was reported until now, also what still waits to be read."""
        self.reports.clear()
        self._since_ns = self.get_clock().now().nanoseconds

    def take(self, msg: DiagnosticArray) -> None:
        if messages.stamp_ns_of(msg) < self._since_ns:
            return
        for stage, values in messages.diagnostics_from_msg(msg).items():
            self.reports.append((stage, int(values["step"])))

    def steps(self, stage: str) -> list[int]:
        return [n for s, n in self.reports if s == stage]


@pytest.fixture
def listener() -> Iterator[Listener]:
    yield from running(Listener)


def start(node: str, **parameters: object) -> subprocess.Popen[str]:
    words = [w for k, v in parameters.items() for w in ("-p", f"{k}:={v}")]
    return subprocess.Popen(
        [sys.executable, "-m", f"visuomotor.nodes.{node}", "--ros-args", *words],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


def until(
    listener: Listener,
    process: subprocess.Popen[str],
    condition: Callable[[], bool],
    bound_s: float = 90.0,
) -> None:
    end = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < end, f"waited {bound_s} s, {process.poll()}, {listener.reports}"
        rclpy.spin_once(listener, timeout_sec=0.1)


def ended(listener: Listener, process: subprocess.Popen[str]) -> str:
    """What the process said until it ended by itself; fails if it does not."""
    until(listener, process, lambda: process.poll() is not None)
    _, said = process.communicate(timeout=5)
    return said


def test_descriptors_then_a_policy(demos: Path, listener: Listener, tmp_path: Path) -> None:
    save_yaml({**SMALL, "steps": 6}, tmp_path / "d.yaml")
    out = tmp_path / "descriptors"
    process = start(
        "train_descriptors", config=tmp_path / "d.yaml", dataset=demos, out=out, threads=1
    )
    said = ended(listener, process)
    assert process.returncode == 0, said
    assert load_descriptors(out).reference.shape == (4, 4)
    until(listener, process, lambda: 6 in listener.steps("train_descriptors"))
    assert listener.steps("train_descriptors") == sorted(listener.steps("train_descriptors"))
    small = {"head": {"hidden": [16]}, "cloning": {"steps": 100, "batch": 32}}
    save_yaml(small, tmp_path / "p.yaml")
    process = start(
        "train_policy",
        **{"config": tmp_path / "p.yaml", "dataset": demos, "out": tmp_path / "policy"},
        **{"descriptors": out, "threads": 1},
    )
    said = ended(listener, process)
    assert process.returncode == 0, said
    assert load_policy(tmp_path / "policy").spec.names == ("front", "side")
    until(listener, process, lambda: 100 in listener.steps("train_policy"))


def test_sigint_saves_the_state_and_a_second_run_goes_on(
    demos: Path, listener: Listener, tmp_path: Path
) -> None:
    save_yaml({**SMALL, "steps": 100_000}, tmp_path / "d.yaml")
    out = tmp_path / "out"
    saved: list[int] = []
    for _ in range(2):
        listener.forget()
        process = start(
            "train_descriptors", config=tmp_path / "d.yaml", dataset=demos, out=out, threads=1
        )
        until(listener, process, lambda: len(listener.steps("train_descriptors")) >= 2)
        assert min(listener.steps("train_descriptors")) > (saved[-1] if saved else 0)
        process.send_signal(signal.SIGINT)
        said = ended(listener, process)
        assert process.returncode == 0, said
        assert "Traceback" not in said
        saved.append(int(read_yaml(out / "state" / "state.yaml")["step"]))
    assert saved[1] > saved[0] > 0
    assert not (out / "config.yaml").exists(), "what is unfinished is no checkpoint"
    rows = [int(r.split(",")[0]) for r in (out / "progress.csv").read_text().splitlines()[1:]]
    assert rows == sorted(set(rows))
    assert rows[0] <= saved[0] < rows[-1] <= saved[1]


def test_an_error_while_training_is_the_nodes_error(
    demos: Path, listener: Listener, tmp_path: Path
) -> None:
    process = start("train_policy", dataset=demos, out=tmp_path / "o")
    said = ended(listener, process)
    assert process.returncode == 1
    assert "no `descriptors` folder given; train descriptors first" in said
    assert "Traceback" not in said


def test_without_folders_it_does_not_start(listener: Listener) -> None:
    for node in ("train_policy", "train_descriptors"):
        process = start(node)
        said = ended(listener, process)
        assert process.returncode == 2
        assert said.strip().splitlines()[-1].startswith(f"error: {node}: set the parameters")
