"""A checkpoint's rollouts through the ROS graph: launched, told its goals, and ended again."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.graph_evaluation import GraphRollout, evaluate_graph
from visuomotor.bench.loop_metrics import ONE_HOP_LESS, LoopLog, loop_figures
from visuomotor.bench.stages import Launched
from visuomotor.bench.statistics import wilson
from visuomotor.contracts import Float64, UInt8
from visuomotor.errors import ConfigError
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig
from visuomotor.sim.tasks import make_task


def evaluate_in_graph(
    checkpoint: Path,
    sim: SimConfig,
    seeds: Sequence[int],
    backend: str = "mujoco",
    goals: Sequence[UInt8] = (),
    progress: Callable[[GraphRollout], None] = lambda _: None,
) -> tuple[list[GraphRollout], list[LoopLog]]:
    """One rollout per seed from the same starts as in lockstep, in a graph of their own.

    goals: images (H, W, 3) of which the policy is told one per rollout, by its seed, as `evaluate`
    does. Raises ConfigError for what the graph's simulation has no way to be told, RobotError if
    no rollout worked.
    """
    if sim.disturbance != "none":
        raise ConfigError(
            f"--graph: got disturbance {sim.disturbance!r}, expected none: only lockstep disturbs"
        )
    arguments = {
        "task": sim.task,
        "region": sim.region,
        "variant": sim.variant,
        "policy": checkpoint,
        "backend": backend,
        "cameras": list(sim.cameras or ("front",)),  # some camera's sets are the policy's beat
        "hostname": f"127.116.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}",
        **ONE_HOP_LESS,
    }
    log = Path(tempfile.mkdtemp()) / f"{backend}.log"
    start = start_pose(sim.task, sim.region) if backend == "libfranka" else None
    horizon = make_task(sim.task, sim.variant).horizon_steps
    with Launched(share_folder() / "launch" / "demo.launch.xml", arguments, log) as graph:
        rollouts, logs = evaluate_graph(
            seeds, horizon, progress, start, goals=goals, pair=(sim.start, sim.goal)
        )
        if all(r.error for r in rollouts):
            raise graph.failure(f"no rollout worked: {rollouts[0].error}")
    return rollouts, logs


def own_domain() -> None:
    """From now on this process and those it starts talk to nobody else's graph."""
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 100)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


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
