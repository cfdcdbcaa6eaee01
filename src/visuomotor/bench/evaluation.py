"""Success of a checkpoint in simulation, in lockstep: same bridge, same runtime, one clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from visuomotor.contracts import Action, SyncedFrame
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
    on_step: OnStep | None = None,
) -> list[Rollout]:
    """One rollout per seed: the initial states are the same for every checkpoint.

    blind: the policy gets black images without depth; what it still solves, it solves without
    looking. on_step(seed, frame, runtime) sees every set after the policy acted on it.
    """
    runtime = PolicyRuntime(load_policy(checkpoint))
    world = SimWorld(sim)
    lockstep = Lockstep(world, LATENCY_S)
    rollouts = []
    try:
        for seed in seeds:
            runtime.reset()

            def agent(frame: SyncedFrame, seed: int = seed) -> Action | None:
                action = runtime.step(blacked_out(frame) if blind else frame)
                if on_step is not None:
                    on_step(seed, frame, runtime)
                return action

            rollouts.append(lockstep.rollout(seed, agent))
            progress(rollouts[-1])
    finally:
        world.close()
    return rollouts


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
