"""Rollouts of a skill's policy from given starts, and whether they are the action."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visuomotor.policies.skill import SkillNetwork
from visuomotor.sim.gripper import GripperState, GripperWorlds, Leave, Starts
from visuomotor.video.actions import find_action
from visuomotor.video.metrics import Trajectory, satisfied
from visuomotor.video.reward import ImitationReward

STEPS = 120


@dataclass(frozen=True)
class SkillRollouts:
    """N rollouts: each one's trajectory, success (N,), and return (N,), 0 without a reward."""

    trajectories: tuple[Trajectory, ...]
    success: NDArray[np.bool_]
    returns: NDArray[np.float64]


def leaving(action: str) -> Leave:
    """What the fingers do after an action (paper, appendix A.3)."""
    return "close" if action == "pick_up" else "open"


def roll_out(
    network: SkillNetwork,
    starts: Starts,
    seed: int = 0,
    threads: int = 2,
    reward: ImitationReward | None = None,
    look: Callable[[GripperState], None] = lambda _: None,
) -> SkillRollouts:
    """Runs the policy's mean actions for 10 s from each start, whatever the hand hits on its way.

    seed: of the table's friction. look: shown the state before the first step and after each.
    """
    action = find_action(network.config.action)
    worlds = GripperWorlds(len(starts), 2 if action.static else 1, leaving(action.name), threads)
    worlds.reset(starts, np.random.default_rng(seed))
    states = [worlds.state()]
    returns = np.zeros(len(starts))
    look(states[0])
    for step in range(1, STEPS + 1):
        with torch.no_grad():
            actions = network.mean(torch.from_numpy(network.observe(states[-1]))).numpy()
        states.append(worlds.step(actions))
        if reward is not None:
            returns += reward(np.full(len(starts), step), states[-1])
        look(states[-1])
    worlds.close()
    paths = trajectories(states)
    success = np.array([satisfied(action.name, t) for t in paths])
    return SkillRollouts(paths, success, returns)


def trajectories(states: Sequence[GripperState]) -> tuple[Trajectory, ...]:
    """The N trajectories of worlds' states over time, as the metrics take them."""
    last = states[-1]
    two = last.objects.shape[1] == 2
    moved = 1 if two else 0
    centres = np.stack([s.objects for s in states], axis=1)  # (N, T, K, 3)
    rotations = np.stack([s.rotations[:, moved] for s in states], axis=1)
    azimuth = np.stack([s.azimuth for s in states], axis=1)
    elevation = np.stack([s.elevation for s in states], axis=1)
    return tuple(
        Trajectory(
            centres[i, :, moved],
            rotations[i],
            azimuth[i],
            elevation[i],
            float(last.heights[i, moved]),
            float(last.radii[i, moved]),
            centres[i, :, 0] if two else None,
            float(last.heights[i, 0]) if two else 0.0,
            float(last.radii[i, 0]) if two else 0.0,
        )
        for i in range(len(last.time))
    )
