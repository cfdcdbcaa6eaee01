"""Self-generation through the graph, and goals told to a running policy: real nodes, real bags."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.node import Node  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from visuomotor.bench.stages import Launched  # noqa: E402
from visuomotor.config import save_yaml  # noqa: E402
from visuomotor.errors import RobotError  # noqa: E402
from visuomotor.generation import GenerationLog, coverage  # noqa: E402
from visuomotor.recording.catalogue import find_episodes  # noqa: E402
from visuomotor.recording.sidecar import load_sidecar  # noqa: E402
from visuomotor.ros import messages, topics  # noqa: E402
from visuomotor.ros.launch import share_folder  # noqa: E402
from visuomotor.ros.services import call as ask  # noqa: E402
from visuomotor.ros.services import set_parameters  # noqa: E402
from visuomotor.sim import SimConfig, SimWorld  # noqa: E402
from visuomotor.sim.demos import write_demos  # noqa: E402
from visuomotor.training import train  # noqa: E402

pytestmark = pytest.mark.alone

LAUNCH = share_folder() / "launch"
CAMERAS = ("front", "wrist")
SMALL = {
    "cameras": [{"name": c, "height": 24, "width": 32, "depth": False} for c in CAMERAS],
    "units": 16,
    "steps": 12,
    "batch": 2,
}


class Trained:
    """Two demonstrations of the crossing, and policies of both stages that hardly know it."""

    def __init__(self, folder: Path) -> None:
        self.dataset, self.stage1, self.stage2 = folder / "data", folder / "one", folder / "two"
        world = SimWorld(SimConfig(task="cross", cameras=CAMERAS, width=64, height=48))
        write_demos(world, self.dataset, range(2))
        world.close()
        save_yaml({**SMALL, "planner": [16]}, folder / "gti.yaml")
        train("gti", folder / "gti.yaml", self.dataset, self.stage1)
        save_yaml(SMALL, folder / "goal.yaml")
        train("goal", folder / "goal.yaml", self.dataset, self.stage2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("gti"))


@contextmanager
def node() -> Iterator[Node]:
    rclpy.init()
    made = rclpy.create_node("operator")
    try:
        yield made
    finally:
        made.destroy_node()
        rclpy.try_shutdown()


def trigger(operator: Node, service: str, seconds: float = 60.0) -> str:
    """Calls a service until it agrees, as a person would."""
    client = operator.create_client(Trigger, service)
    end = time.monotonic() + seconds
    while True:
        try:
            return str(ask(operator, client, 20.0).message)
        except RobotError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def test_rollouts_become_episodes_with_start_and_outcome(trained: Trained, tmp_path: Path) -> None:
    dataset = tmp_path / "generated"
    chosen = {"keep": "all", "horizon_s": 3.0, "rollouts": 2}
    arguments = {"policy": trained.stage1, "dataset": dataset, **chosen}
    with Launched(LAUNCH / "generate.launch.xml", arguments, tmp_path / "log") as graph:
        graph.wait(2, lambda: 0, "rollouts", 120)
    log = GenerationLog(dataset, "cross", str(trained.stage1))
    assert sorted(log.rows) == [100_000, 100_001]
    assert all(not row.left_out for row in log.rows.values())
    episodes = find_episodes(dataset, "cross", ("success", "failure"))
    assert {e.name for e in episodes} == {row.episode for row in log.rows.values()}
    for episode in episodes:
        sidecar = load_sidecar(episode)
        row = log.rows[sidecar.seed]
        assert {"self-generated", f"start {row.start}"} <= set(sidecar.tags)
        assert sidecar.outcome == ("success" if row.goal else "failure")
        assert sidecar.sets > 10
    assert coverage(dataset, "cross").counts == log.kept.counts
    assert {row.start for row in log.rows.values()} == {"a", "b"}


def test_an_operator_says_where_a_rollout_began_and_ended(trained: Trained, tmp_path: Path) -> None:
    dataset = tmp_path / "generated"
    chosen = {"operator": "true", "rollouts": 1}
    arguments = {"policy": trained.stage1, "dataset": dataset, **chosen}
    launch = LAUNCH / "generate.launch.xml"
    with Launched(launch, arguments, tmp_path / "log") as graph, node() as operator:
        set_parameters(operator, "generator", {"start": "by hand"}, 60.0)
        trigger(operator, topics.GENERATOR_BEGIN)
        set_parameters(operator, "generator", {"reached": "the shelf"}, 20.0)
        bag_grows(dataset)
        trigger(operator, topics.GENERATOR_END)
        graph.wait(1, lambda: 0, "rollouts", 60)
    (episode,) = find_episodes(dataset, "cross", ("success",))
    tags = load_sidecar(episode).tags
    assert {"self-generated", "start by hand", "goal the shelf"} <= set(tags)
    assert coverage(dataset, "cross").counts == {("by hand", "the shelf"): 1}


def bag_grows(dataset: Path, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not any(p.stat().st_size > 50_000 for p in dataset.rglob("*.partial/*.mcap")):
        assert time.monotonic() < end, list(dataset.rglob("*"))
        time.sleep(0.05)


def policy_diagnostics(operator: Node) -> dict[str, str]:
    """The newest of the policy node, while the operator's node spins."""
    values: dict[str, str] = {}

    def take(msg: DiagnosticArray) -> None:
        values.update(messages.diagnostics_from_msg(msg).get("policy", {}))

    operator.create_subscription(DiagnosticArray, topics.DIAGNOSTICS, take, topics.RELIABLE)
    return values


def test_a_policy_waits_for_its_goal_and_takes_it_in_three_ways(
    trained: Trained, tmp_path: Path
) -> None:
    arguments = {"policy": trained.stage2, "task": "cross", "cameras": list(CAMERAS)}
    picture = tmp_path / "goal.png"
    cv2.imwrite(str(picture), np.full((48, 64, 3), 90, np.uint8))
    episode = find_episodes(trained.dataset, "cross", ("success",))[0]
    with Launched(LAUNCH / "demo.launch.xml", arguments, tmp_path / "log"), node() as operator:
        values = policy_diagnostics(operator)

        def until(count: int) -> None:
            end = time.monotonic() + 60
            while int(values.get("goals", -1)) < count:
                assert time.monotonic() < end, values
                rclpy.spin_once(operator, timeout_sec=0.1)

        until(0)
        refusal = no_goal_yet(operator)
        assert "policy/goal_here" in refusal
        for i, source in enumerate((picture, episode), 1):
            told = subprocess.run(
                [sys.executable, "-m", "visuomotor.cli", "goal", str(source)],
                capture_output=True,
                text=True,
                timeout=60,
                env=dict(os.environ),
            )
            assert told.returncode == 0, told.stderr
            assert "told" in told.stdout
            until(i)
        assert "front, 160 x 120" in trigger(operator, topics.POLICY_GOAL_HERE)
        until(3)
        assert trigger(operator, topics.POLICY_START) == "started"


def no_goal_yet(operator: Node) -> str:
    """What policy/start answers once the cameras are there and a goal is not."""
    client = operator.create_client(Trigger, topics.POLICY_START)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with pytest.raises(RobotError) as refusal:
            ask(operator, client, 20.0)
        if "without a goal" in str(refusal.value):
            break
        time.sleep(0.1)
    return str(refusal.value)


def test_an_evaluation_through_the_graph_tells_goals(trained: Trained, tmp_path: Path) -> None:
    """As in lockstep: the same start, an image of the goal, and where it ended."""
    out = tmp_path / "rollouts.json"
    words = ["--checkpoint", str(trained.stage2), "--task", "cross", "--start", "a", "--goal", "d"]
    words += ["--goal-image", str(trained.dataset), "--episodes", "1", "--graph", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "visuomotor.cli", "eval", *words],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of deadlines missed" in done.stdout
    found = json.loads(out.read_text())
    (rollout,) = found["rollouts"]
    assert rollout["error"] == ""
    assert rollout["pair"] == "a>d"
    assert rollout["reached"] in ("", "c", "d")
    assert rollout["success"] == (rollout["reached"] == "d")
    assert rollout["steps"] > 5
    assert found["sim"]["rate_hz"] > 1.0
