"""Where a task takes place, as its demonstrations tell it without any label: at the gripper.

The hand is at an object when it closes on it, and at a place when it lets go of something there;
what it holds is where it is. Changes of the gripper are what James and Davison 2022 (Q-attention)
discover keyframes by.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visuomotor.dataset import Dataset, EpisodeArrays
from visuomotor.training.batches import Steps

REACH_M = 0.03
"""What the hand touches shows a surface so near to where the hand is."""
FAR_M = 0.05
"""The loss of a point that lies so much beyond is half of what it can be."""
STROKE_M = 0.005
"""Commanded widths that differ by less are no opening and closing."""


@dataclass(frozen=True)
class Touches:
    """Of N steps: places (N, 2, 3) m in base, and which of the two there are, known (N, 2).

    The first is where the gripper changes next (after the last change: where it last did), the
    second is the hand itself while it is closed and was open before.
    """

    places: NDArray[np.float64]
    known: NDArray[np.bool_]


def find_touches(dataset: Dataset, steps: Steps) -> Touches:
    """What the episodes say of the steps (N, 2); nothing where no gripper opens or closes."""
    commanded = [e.action_width_m[e.action_valid] for e in dataset.episodes]
    widths = np.concatenate(commanded)
    low, high = (float(widths.min()), float(widths.max())) if len(widths) else (0.0, 0.0)
    places = np.zeros((len(steps), 2, 3))
    known = np.zeros((len(steps), 2), np.bool_)
    if high - low < STROKE_M:
        return Touches(places, known)
    of_episodes = [_of_episode(e, (low + high) / 2) for e in dataset.episodes]
    for i, (e, t) in enumerate(steps):
        places[i], known[i] = of_episodes[e].places[t], of_episodes[e].known[t]
    return Touches(places, known)


def _of_episode(episode: EpisodeArrays, middle_m: float) -> Touches:
    """Of each of its T steps; those without an accepted command have the command before them."""
    hand = episode.T_base_ee[:, :3, 3]
    n = len(hand)
    told = np.flatnonzero(episode.action_valid)
    places, known = np.zeros((n, 2, 3)), np.zeros((n, 2), np.bool_)
    if len(told) == 0:
        return Touches(places, known)
    before = told[np.maximum(np.searchsorted(told, np.arange(n), side="right") - 1, 0)]
    closed = episode.action_width_m[before] < middle_m
    changes = np.flatnonzero(np.diff(closed)) + 1
    if len(changes):
        following = np.searchsorted(changes, np.arange(n))  # the change at or after each step
        places[:, 0] = hand[changes[np.minimum(following, len(changes) - 1)]]
        known[:, 0] = True
        places[:, 1] = hand
        known[:, 1] = closed & (np.arange(n) >= changes[0])
    # nothing follows and something is held: it is where the hand is, not where it was taken
    last = changes[-1] if len(changes) else n
    known[last:, 0] &= ~closed[last:]
    return Touches(places, known)


def touch_loss(keypoint: Tensor, places: Tensor, known: Tensor) -> Tensor:
    """How far points (B, 3) lie from the nearer of the places (B, 2, 3), each 0 to 1: (B,).

    0 within 3 cm, 1/2 at 5 cm beyond, and flat far away, so that a stage whose object the hand
    does not touch (what is pulled with a tool) is left to the task's own loss.
    """
    away = (keypoint[:, None] - places).square().sum(-1).add(1e-8).sqrt()
    nearest = away.masked_fill(~known, float("inf")).amin(1)
    beyond = (nearest - REACH_M).clamp_min(0.0)
    beyond = torch.where(known.any(1), beyond, torch.zeros_like(beyond))
    return beyond.square() / (beyond.square() + FAR_M**2)
