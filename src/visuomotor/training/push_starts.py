"""Where the straight pushes of demonstrations begin: labels for a policy that gives that place.

Singh et al. 2017, section 6.2: one image and one place of each demonstration.
"""

from __future__ import annotations

import logging

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.dataset import Dataset, EpisodeArrays
from visuomotor.errors import DataError
from visuomotor.policies.gplac.config import PushConfig
from visuomotor.training.samples import Samples

LOW_M = 0.01
"""So near to its lowest place the commanded hand is at the push's height."""
STILL_M = 0.002
"""The commanded position moves by more than this from step to step, or not at all."""
LEAST_M = 0.03
"""A shorter way is no push."""
STRAIGHT_RAD = float(np.deg2rad(20))

_LOGGER = logging.getLogger(__name__)


def find_pushes(dataset: Dataset) -> tuple[Samples, PushConfig]:
    """One sample per episode, from its first set to the hand's pose where its push begins.

    And the push that all have in common: direction, length and height. An episode without a push
    is named and left out; DataError if all are, or if pushes go in different directions.
    """
    pushes: list[tuple[int, int, int]] = []  # episode, first step, step where the push begins
    ways: list[Float64] = []
    for number, episode in enumerate(dataset.episodes):
        found = push_of(episode)
        if found is None:
            _LOGGER.warning("push starts: %s has no straight push; left out", episode.name)
            continue
        pushes.append((number, int(np.flatnonzero(episode.valid)[0]), found[0]))
        ways.append(found[1])
    if not pushes:
        raise DataError(
            f"none of {len(dataset)} episodes has a straight push: a way of {LEAST_M} m or more at "
            "the lowest height of its commands; train with target `action`"
        )
    way = np.stack(ways)
    mean = way[:, :2].mean(0)
    turned = np.abs(_angle(way[:, :2]) - _angle(mean[None]))
    turned = np.minimum(turned, 2 * np.pi - turned)
    if turned.max() > STRAIGHT_RAD:
        worst = dataset.episodes[pushes[int(turned.argmax())][0]].name
        raise DataError(
            f"{worst}: its push goes {np.rad2deg(turned.max()):.0f} degrees off the others' mean; "
            "expected one direction in all demonstrations, or train with target `action`"
        )
    along = mean / np.linalg.norm(mean)
    height = float(np.median(way[:, 2]))
    push = PushConfig(
        (float(along[0]), float(along[1])), float(np.median(way[:, :2] @ along)), height
    )
    return _samples(dataset, pushes), push


def push_of(episode: EpisodeArrays) -> tuple[int, Float64] | None:
    """The last step before an episode's straight push, and (3,): its way (x, y) and height in m.

    It begins where the commanded position, at its lowest height, begins to move sideways, in the
    stretch at that height which leads farthest.
    """
    steps = np.flatnonzero(episode.valid & episode.action_valid)
    if len(steps) < 2:
        return None
    at = episode.action_pose[steps, :3, 3]
    low = at[:, 2] <= at[:, 2].min() + LOW_M
    edges = np.flatnonzero(np.diff(np.concatenate([[False], low, [False]]).astype(np.int8)))
    best: tuple[int, Float64] | None = None
    farthest = LEAST_M
    for first, end in zip(edges[::2], edges[1::2], strict=True):  # low from first to end - 1
        moved = np.linalg.norm(np.diff(at[first:end, :2], axis=0), axis=1) > STILL_M
        if not moved.any():
            continue
        begin = first + int(np.flatnonzero(moved)[0])
        ways = at[begin:end, :2] - at[begin, :2]
        lengths = np.linalg.norm(ways, axis=1)
        if lengths.max() >= farthest:
            farthest = float(lengths.max())
            best = int(steps[begin]), np.array([*ways[int(lengths.argmax())], at[begin, 2]])
    return best


def _samples(dataset: Dataset, pushes: list[tuple[int, int, int]]) -> Samples:
    episodes = dataset.episodes
    return Samples(
        np.array([(e, first) for e, first, _ in pushes], np.int64),
        np.stack([episodes[e].T_base_ee[first] for e, first, _ in pushes]),
        np.stack([episodes[e].T_base_ee[begin] for e, _, begin in pushes]),
        np.array([episodes[e].gripper_width_m[first] for e, first, _ in pushes]),
        np.array([episodes[e].action_width_m[begin] for e, _, begin in pushes]),
    )


def _angle(way: Float64) -> Float64:
    angle: Float64 = np.arctan2(way[:, 1], way[:, 0])
    return angle
