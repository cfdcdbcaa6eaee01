"""LeRobot on our bags: exported, trained on by its own program for some steps, and run here."""

from __future__ import annotations

import csv
import tempfile
import time
from pathlib import Path
from typing import Any

from visuomotor.bench.evaluation import evaluate
from visuomotor.bench.results import save_result
from visuomotor.bench.stages import say
from visuomotor.bench.study.lerobot_methods import ACT, BATCH, SIGHT, publish
from visuomotor.bench.study.lerobot_training import LeRobotTraining, train_lerobot
from visuomotor.interchange.lerobot_export import export_lerobot
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.training.progress import CSV

EPISODES, FIRST_SEED = 20, 870_000
STEPS, LOG_EVERY = 300, 10
ROLLOUTS, FIRST_ROLLOUT = 5, 875_000
SIM = SimConfig(cameras=tuple(c.name for c in SIGHT.cameras))


def run(out: Path) -> dict[str, Any]:
    """Measures and writes `lerobot.json`; MissingDependencyError without LeRobot."""
    with tempfile.TemporaryDirectory(prefix="visuomotor-lerobot-") as name:
        figures = _measured(Path(name))
    return save_result(
        out / "lerobot.json",
        figures,
        "LeRobot's ResNet-18 and transformer on the processor; so few steps teach it no task",
        "visuomotor bench lerobot",
        [*range(FIRST_SEED, FIRST_SEED + EPISODES), *_rollout_seeds()],
    )


def _measured(folder: Path) -> dict[str, Any]:
    world = SimWorld(SIM)
    try:
        write_demos(world, folder / "bags", range(FIRST_SEED, FIRST_SEED + EPISODES))
    finally:
        world.close()
    dataset = folder / "lerobot"
    export_lerobot(folder / "bags", dataset, SIGHT, SIM.task, ("success",))
    say(f"{STEPS} steps of LeRobot's ACT on {EPISODES} demonstrations")
    training = LeRobotTraining(
        "act", STEPS, BATCH, policy=ACT, log_every=LOG_EVERY, save_every=STEPS
    )
    begin = time.monotonic()
    trained = train_lerobot(training, dataset, folder / "run", folder / "log")
    seconds = time.monotonic() - begin
    with (folder / "log" / CSV).open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    publish(trained, dataset, folder / "policy")
    rollouts = evaluate(folder / "policy", SIM, _rollout_seeds())
    return {
        "demonstrations": EPISODES,
        "steps": STEPS,
        "batch": BATCH,
        "loss_first_10_steps": losses[0],
        "loss_last_10_steps": losses[-1],
        "losses": losses,
        "seconds_per_step_with_start": seconds / STEPS,
        "rollouts_by_our_runtime": len(rollouts),
        "rollouts_solved": sum(r.success for r in rollouts),
    }


def _rollout_seeds() -> list[int]:
    return list(range(FIRST_ROLLOUT, FIRST_ROLLOUT + ROLLOUTS))
