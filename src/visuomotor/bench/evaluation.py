"""Success of a checkpoint in simulation, in lockstep: same bridge, same runtime, one clock."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from visuomotor.contracts import Action, SyncedFrame, UInt8
from visuomotor.errors import CommandError, DataError
from visuomotor.policies import load_policy
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Lockstep, Rollout

LATENCY_S = 0.03
"""From a set's stamp to its action at the bridge: what the graph takes on two cores."""

OnStep = Callable[[int, SyncedFrame, PolicyRuntime], None]


def evaluate(
    checkpoint: Path,
    sim: SimConfig,
    seeds: Sequence[int],
    blind: bool = False,
    progress: Callable[[Rollout], None] = lambda _: None,
    workers: int = 1,
    goals: Sequence[UInt8] = (),
) -> list[Rollout]:
    """One rollout per seed: the initial states are the same for every checkpoint.

    blind: the policy gets black images without depth; what it still solves, it solves without
    looking. workers: processes that share the seeds; the result does not depend on their number.
    goals: images (H, W, 3) of which the policy is told one per rollout, by its seed.
    """
    if workers <= 1:
        rollouts = []
        for rollout in run_rollouts(checkpoint, sim, seeds, blind, goals=goals):
            rollouts.append(rollout)
            progress(rollout)
        return rollouts
    spawn = multiprocessing.get_context("spawn")  # OpenGL and torch survive no fork
    shares = [seeds[i :: workers * 4] for i in range(workers * 4)]
    done: dict[int, Rollout] = {}
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        jobs = [
            pool.submit(_share, checkpoint, sim, share, blind, goals) for share in shares if share
        ]
        for job in as_completed(jobs):
            for rollout in job.result():
                done[rollout.seed] = rollout
                progress(rollout)
    return [done[seed] for seed in seeds]


def _share(
    checkpoint: Path, sim: SimConfig, seeds: Sequence[int], blind: bool, goals: Sequence[UInt8]
) -> list[Rollout]:
    return list(run_rollouts(checkpoint, sim, seeds, blind, goals=goals))


def run_rollouts(
    checkpoint: Path,
    sim: SimConfig,
    seeds: Sequence[int],
    blind: bool = False,
    on_step: OnStep = lambda *_: None,
    forgiving: bool = False,
    goals: Sequence[UInt8] = (),
) -> Iterator[Rollout]:
    """The rollouts one by one, in this process; on_step(seed, frame, runtime) sees every set.

    forgiving: a set that gives no action (no depth, a NaN) commands nothing, as in the policy
    node, where otherwise its error ends the evaluation. goals: as `evaluate`'s.
    """
    torch.set_num_threads(1)  # small convolutions: more threads wait for one another
    runtime = PolicyRuntime(load_policy(checkpoint), allow_blind=blind)
    runtime.check(list(sim.cameras))
    world = SimWorld(sim)
    lockstep = Lockstep(world, LATENCY_S)
    try:
        for seed in seeds:
            runtime.reset(seed)
            if goals:
                runtime.set_goal(goals[seed % len(goals)])

            def agent(frame: SyncedFrame, seed: int = seed) -> Action | None:
                try:
                    action = runtime.step(blacked_out(frame) if blind else frame)
                except (DataError, CommandError):
                    if not forgiving:
                        raise
                    return None
                on_step(seed, frame, runtime)
                return action

            yield lockstep.rollout(seed, agent)
    finally:
        world.close()


class Ended(Protocol):
    """A rollout of a task with starts and goals, in lockstep or in the graph."""

    @property
    def pair(self) -> str:
        """Start and goal, as a sim.tasks.goals.Pair writes them."""

    @property
    def reached(self) -> str:
        """The goal that it ended in."""


def goals_by_pair(rollouts: Sequence[Ended]) -> dict[str, dict[str, int]]:
    """How often each goal was reached ("": none), by pair; empty for a task without goals."""
    counts: dict[str, Counter[str]] = {}
    for rollout in rollouts:
        if rollout.pair:
            counts.setdefault(rollout.pair, Counter())[rollout.reached] += 1
    return {pair: dict(sorted(goals.items())) for pair, goals in sorted(counts.items())}


def blacked_out(frame: SyncedFrame) -> SyncedFrame:
    """The set as blind cameras would give it: black colour, no depth."""
    cameras = {
        name: replace(
            c,
            color=np.zeros_like(c.color),
            depth_mm=None if c.depth_mm is None else np.zeros_like(c.depth_mm),
        )
        for name, c in frame.cameras.items()
    }
    return replace(frame, cameras=cameras)
