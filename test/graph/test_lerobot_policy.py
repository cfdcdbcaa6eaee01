"""A policy that LeRobot trained, run by our node in the whole graph (`make test-lerobot`)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("lerobot")

from visuomotor.bench.study.lerobot_methods import ACT, publish
from visuomotor.bench.study.lerobot_training import LeRobotTraining, train_lerobot
from visuomotor.contracts import STEP_NS, SyncedFrame
from visuomotor.interchange.lerobot_export import export_lerobot
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording import EpisodeWriter, Sidecar, WriterConfig
from visuomotor.sim import SimConfig, SimWorld

pytestmark = [pytest.mark.lerobot, pytest.mark.alone]
SEED = 300_007
SPEC = ObservationSpec((CameraSpec("front", 64, 64, depth=False),))
TINY = {"dim_model": 32, "dim_feedforward": 32, "n_heads": 2, "n_encoder_layers": 1}


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ACT of two steps, of a hand that stands where the rollout begins: near there it stays."""
    folder = tmp_path_factory.mktemp("act")
    world = SimWorld(SimConfig(cameras=("front",)))
    world.reset(SEED)
    frame = world.frame()
    world.close()
    write_standing(frame, folder / "bags")
    export_lerobot(folder / "bags", folder / "lift", SPEC)
    policy = {**ACT, **TINY, "n_vae_encoder_layers": 1, "chunk_size": 6, "n_action_steps": 3}
    training = LeRobotTraining("act", 2, 2, policy=policy, log_every=1, save_every=1)
    trained = train_lerobot(training, folder / "lift", folder / "run", folder / "out")
    publish(trained, folder / "lift", folder / "policy")
    return folder / "policy"


def write_standing(frame: SyncedFrame, root: Path) -> None:
    """An episode of 20 such sets, each commanded to stay."""
    with EpisodeWriter(root, Sidecar("lift"), frame.stamp_ns, WriterConfig(color="png")) as writer:
        for i in range(20):
            stamp_ns, robot = frame.stamp_ns + i * STEP_NS, frame.robot
            writer.add_frame(
                replace(frame, stamp_ns=stamp_ns, robot=replace(robot, stamp_ns=stamp_ns))
            )
            writer.add_action(stamp_ns + STEP_NS // 2, robot.T_base_ee, robot.gripper_width_m)
        writer.close("success")


def test_it_commands_the_arm_through_the_bridge(act: Path, tmp_path: Path) -> None:
    out = tmp_path / "rollouts.json"
    words = ["--checkpoint", str(act), "--task", "lift", "--cameras", "front"]
    words += ["--episodes", "1", "--first-seed", str(SEED)]
    done = subprocess.run(
        [sys.executable, "-m", "visuomotor.cli", "eval", *words, "--graph", "--out", str(out)],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(out.read_text())
    (rollout,) = found["rollouts"]
    assert rollout["error"] == ""
    assert rollout["steps"] > 5
    assert found["sim"]["rate_hz"] > 1.0
