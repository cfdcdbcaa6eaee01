"""The same policy from the same starts through the graph, with either of the arm's backends."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from visuomotor.bench.graph_evaluation import GraphRollout, evaluate_graph
from visuomotor.bench.loop_metrics import ONE_HOP_LESS, LoopLog, loop_figures
from visuomotor.bench.results import save_result
from visuomotor.bench.stages import Launched
from visuomotor.bench.statistics import mcnemar, wilson
from visuomotor.contracts import Float64
from visuomotor.ros.launch import share_folder
from visuomotor.sim.tasks import make_task

BACKENDS = ("mujoco", "libfranka")
TASK, CHECKPOINT = "lift", "models/checkpoints/lift_dense"
FIRST_SEED, ROLLOUTS, TURN = 240_000, 100, 10


def run(out: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Runs the paired rollouts and writes `backends.json`; by default of the released policy.

    The backends take turns, TURN starts at a time, so that what else the machine does meets both.
    """
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 100)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    folder = checkpoint or share_folder() / CHECKPOINT
    rollouts: dict[str, list[GraphRollout]] = {backend: [] for backend in BACKENDS}
    logs: dict[str, list[LoopLog]] = {backend: [] for backend in BACKENDS}
    with tqdm(total=len(BACKENDS) * ROLLOUTS, disable=None, leave=False) as bar:
        for first in range(FIRST_SEED, FIRST_SEED + ROLLOUTS, TURN):
            for backend in BACKENDS:
                bar.set_description(backend)
                seeds = range(first, min(first + TURN, FIRST_SEED + ROLLOUTS))
                found, log = roll_out(backend, folder, seeds, lambda _: bar.update())
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


def roll_out(
    backend: str,
    checkpoint: Path,
    seeds: range,
    progress: Callable[[GraphRollout], None] = lambda _: None,
) -> tuple[list[GraphRollout], list[LoopLog]]:
    """Rollouts with one backend, in a graph of their own; RobotError if none of them worked."""
    arguments = {
        "task": TASK,
        "policy": checkpoint,
        "backend": backend,
        "cameras": ["front", "side"],
        "hostname": f"127.116.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}",
        **ONE_HOP_LESS,
    }
    log = Path(tempfile.mkdtemp()) / f"{backend}.log"
    start = start_pose(TASK) if backend == "libfranka" else None
    horizon = make_task(TASK).horizon_steps
    with Launched(share_folder() / "launch" / "demo.launch.xml", arguments, log) as graph:
        rollouts, logs = evaluate_graph(seeds, horizon, progress, start)
        if all(r.error for r in rollouts):
            raise graph.failure(f"no rollout worked: {rollouts[0].error}")
    return rollouts, logs


def figures_of(rollouts: Sequence[GraphRollout], logs: Sequence[LoopLog]) -> dict[str, Any]:
    """Successes with their interval, and the loop's rate."""
    loop, n = loop_figures(logs), len(rollouts)
    successes = sum(r.success for r in rollouts)
    low, high = wilson(successes, n)
    return {
        "successes": successes,
        "rollouts": n,
        "low": low,
        "high": high,
        "rate_hz": loop.rate_hz,
        "missed_deadline_fraction": loop.missed_deadline_fraction,
        "latency_ms": loop.latency_ms(),
        "errors": [r.error for r in rollouts if r.error],
        "failed_seeds": [r.seed for r in rollouts if not r.success],
    }


def start_pose(task: str, region: str = "interpolation") -> Callable[[int], Float64]:
    """The pose (4, 4) of the hand at a seed's start, as the simulation would place it."""
    made = make_task(task)

    def pose_of(seed: int) -> Float64:
        T: Float64 = made.draw(np.random.default_rng([seed, 0]), region)[1]
        return T

    return pose_of
