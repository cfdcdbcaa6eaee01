"""The same policy from the same starts through the graph, with either of the arm's backends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tqdm import tqdm

from visuomotor.bench.graph_evaluation import GraphRollout
from visuomotor.bench.in_graph import evaluate_in_graph, figures_of, own_domain
from visuomotor.bench.loop_metrics import LoopLog
from visuomotor.bench.results import save_result
from visuomotor.bench.statistics import mcnemar
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig

BACKENDS = ("mujoco", "libfranka")
TASK, CHECKPOINT = "lift", "models/checkpoints/lift_dense"
FIRST_SEED, ROLLOUTS, TURN = 260_000, 100, 10


def run(out: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Runs the paired rollouts and writes `backends.json`; by default of the released policy.

    The backends take turns, TURN starts at a time, so that what else the machine does meets both.
    """
    own_domain()
    sim = SimConfig(task=TASK, cameras=("front", "side"))
    folder = checkpoint or share_folder() / CHECKPOINT
    rollouts: dict[str, list[GraphRollout]] = {backend: [] for backend in BACKENDS}
    logs: dict[str, list[LoopLog]] = {backend: [] for backend in BACKENDS}
    with tqdm(total=len(BACKENDS) * ROLLOUTS, disable=None, leave=False) as bar:
        for first in range(FIRST_SEED, FIRST_SEED + ROLLOUTS, TURN):
            for backend in BACKENDS:
                bar.set_description(backend)
                seeds = range(first, min(first + TURN, FIRST_SEED + ROLLOUTS))
                found, log = evaluate_in_graph(
                    folder, sim, seeds, backend, progress=lambda _: bar.update()
                )
                rollouts[backend] += found
                logs[backend] += log
    figures: dict[str, Any] = {"task": TASK}
    for backend in BACKENDS:
        figures[backend] = figures_of(rollouts[backend], logs[backend])
    pairs = list(zip(*([r.success for r in rollouts[b]] for b in BACKENDS), strict=True))
    only = [sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)]
    figures["only_mujoco"], figures["only_libfranka"] = only
    figures["mcnemar_p"] = mcnemar(*only)
    return save_result(
        out / "backends.json",
        figures,
        "two cores for an arm in Python, its libfranka client at 500 Hz, rendering and the policy",
        "visuomotor bench backends",
        [FIRST_SEED, FIRST_SEED + ROLLOUTS - 1],
    )
