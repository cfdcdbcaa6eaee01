"""Images of the goals that a study's policies are told: the ends of held-out demonstrations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from visuomotor.bench.goal_images import goal_images
from visuomotor.bench.study.pairs import PairRegion
from visuomotor.bench.study.work import demonstrations
from visuomotor.contracts import UInt8
from visuomotor.policies import load_policy
from visuomotor.policies.goals import GoalConditioned
from visuomotor.sim import SimConfig

FIRST_SEED, COUNT = 90_000, 10
"""Of the demonstrations per pair whose last images are shown; no training sees them."""


def goals_for(
    checkpoint: Path, sim: SimConfig, pair: PairRegion | None, work: Path, count: int = COUNT
) -> list[UInt8]:
    """What the policy is told in these rollouts, [] for one that is told nothing.

    The demonstrations are the expert's, of that very pair, below `work`.
    """
    policy = load_policy(checkpoint)
    if pair is None or not pair.goal or not isinstance(policy, GoalConditioned):
        return []
    root = work / f"{sim.task}-{sim.variant}-{pair.start}-{pair.goal}"
    shown = replace(sim, start=pair.start, goal=pair.goal, disturbance="none")
    demonstrations(root, shown, FIRST_SEED, count)
    return goal_images([root], policy.goal_camera, pair.goal)[:count]
