"""What a policy that attends looks at, step by step, beside what the task's stage is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.evaluation import run_rollouts
from visuomotor.contracts import Float64, SyncedFrame
from visuomotor.errors import ConfigError
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.rollout import Rollout
from visuomotor.sim.surface import surface_distance

NEAR_M = 0.03
"""The attended point is on the object if it is no farther from its surface."""


@dataclass
class Look:
    """One rollout: per step the stage's object, and how far from each object's surface it looks.

    distances: object -> m per step. entropy: of the confidences, nats. from_hand: from
    the attended point to the end effector, m. frames: what was seen and the policy's info, empty
    unless they were asked for. Steps in which it saw nothing and held are left out.
    """

    seed: int
    success: bool = False
    stages: list[str] = field(default_factory=list)
    distances: dict[str, list[float]] = field(default_factory=dict)
    entropy: list[float] = field(default_factory=list)
    from_hand: list[float] = field(default_factory=list)
    frames: list[tuple[SyncedFrame, dict[str, Float64]]] = field(default_factory=list)

    def of_the_stage(self) -> list[float]:
        """Distances to the stage's own object."""
        return [self.distances[name][i] for i, name in enumerate(self.stages)]


def look_on(
    checkpoint: Path,
    sim: SimConfig,
    seeds: Sequence[int],
    keep_frames: int = 0,
    progress: Callable[[Rollout], None] = lambda _: None,
) -> list[Look]:
    """Rolls a policy out and notes what it attends to; keep_frames: of so many first rollouts.

    Raises ConfigError for a policy that does not say what it attends to.
    """
    world = SimWorld(sim)  # for shapes alone: the rollouts have their own
    solid = [n for n in world.task.objects if (world.model.geom_bodyid == body(world, n)).any()]
    looks = {seed: Look(seed, distances={n: [] for n in solid}) for seed in seeds}

    def on_step(seed: int, frame: SyncedFrame, runtime: PolicyRuntime) -> None:
        info = {} if runtime.chunk is None else dict(runtime.chunk.info)
        if not info:
            return  # it saw nothing and holds
        if "attended" not in info:
            raise ConfigError(
                f"{checkpoint}: says nothing on what it attends to; expected a policy of family han"
            )
        look = looks[seed]
        look.stages.append(world.task.stage(frame.robot, frame.objects))
        for name in solid:
            distance = surface_distance(world.model, name, frame.objects[name], info["attended"][0])
            look.distances[name].append(distance)
        look.entropy.append(float(info["entropy"][0]))
        hand_m = frame.robot.T_base_ee[:3, 3]
        look.from_hand.append(float(np.linalg.norm(info["attended"][0] - hand_m)))
        if seed in list(seeds)[:keep_frames]:
            look.frames.append((frame, info))

    try:
        for rollout in run_rollouts(checkpoint, sim, seeds, on_step=on_step, forgiving=True):
            looks[rollout.seed].success = rollout.success
            progress(rollout)
    finally:
        world.close()
    return list(looks.values())


def body(world: SimWorld, name: str) -> int:
    """The number of a body of the world's model."""
    return int(world.model.body(name).id)


def summary(looks: Sequence[Look]) -> dict[str, Any]:
    """Shares of the steps of successful rollouts in which it looks at the stage's object."""
    solved = [look for look in looks if look.success]
    steps = [d for look in solved for d in look.of_the_stage()]
    stages: dict[str, list[float]] = {}
    for look in solved:
        for name, distance in zip(look.stages, look.of_the_stage(), strict=True):
            stages.setdefault(name, []).append(distance)
    entropy = [e for look in solved for e in look.entropy]
    return {
        "rollouts": len(looks),
        "successes": len(solved),
        "steps": len(steps),
        "near_m": NEAR_M,
        "share_near": _share(steps),
        "median_m": _median(steps),
        "from_hand_m": _median([d for look in solved for d in look.from_hand]),
        "entropy_nats": _median(entropy),
        "stages": {
            name: {"steps": len(d), "share_near": _share(d)} for name, d in sorted(stages.items())
        },
    }


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 4) if values else None


def _share(distances: Sequence[float]) -> float | None:
    return round(float(np.mean(np.array(distances) <= NEAR_M)), 4) if distances else None
