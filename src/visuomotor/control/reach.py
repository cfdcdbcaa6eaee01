"""Whether an arm can follow a path of its hand: joints, singularities, table and workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.control.joints import JOINT_LOWER, JOINT_UPPER
from visuomotor.control.kinematics import HOME_Q, ArmState, arm_state, lowest_of_hand
from visuomotor.control.limits import Limits
from visuomotor.geometry import rotvec_from_matrix

_DAMPING, _POSTURE_GAIN, _MAX_STEP_RAD, _ITERATIONS = 0.01, 0.05, 0.15, 4
_ROOM_M = 0.02
"""So much room is plenty."""


@dataclass(frozen=True)
class ReachLimits:
    """How near to what it cannot do an arm may come on a path.

    joint_margin_rad: to a joint's limit. singular: smallest singular value of the hand's Jacobian
    (m and rad). clearance_m: of hand and wrist above the table, and beside what stands. off_m,
    off_rad: from the path.
    Raises ValueError for a negative one.
    """

    joint_margin_rad: float = 0.08
    singular: float = 0.04
    clearance_m: float = 0.002
    off_m: float = 0.008
    off_rad: float = 0.06

    def __post_init__(self) -> None:
        values = (self.joint_margin_rad, self.singular, self.clearance_m, self.off_m, self.off_rad)
        if not min(values) >= 0:
            raise ValueError(f"reach: got {values}, expected nothing negative")


@dataclass(frozen=True)
class Standing:
    """What stands on the table and is not to be touched: a cylinder of so much, in base, m.

    until: the path's point from which on it does not matter any more, if it does not stay.
    """

    x: float
    y: float
    radius: float
    top: float
    until: int | None = None


@dataclass(frozen=True)
class Reach:
    """Of N paths: margin (N,), above 0 where the arm can follow, the larger the easier.

    step (N,): the point of the path with the least margin; reason (N,): what is least there.
    """

    margin: Float64
    step: NDArray[np.int64]
    reason: tuple[str, ...]


def reach(
    q: Float64,
    paths: Float64,
    limits: Limits | None = None,
    margins: ReachLimits | None = None,
    standing: Sequence[Standing] = (),
    homeward: float = _POSTURE_GAIN,
) -> Reach:
    """Follows N paths (T, N, 4, 4) of fr3_hand_tcp in base from joints (7,), a point at a time.

    standing: what wrist and palm are to keep clear of, too. homeward: which share of the way to the
    home posture the joints are drawn at a time, where that moves no hand. Neighbouring points are
    to be within about 3 cm and 0.2 rad. The joints follow by damped least squares, as the simulated
    arm's do with a share of 0.05; the slower that goes, the farther home it gets.
    """
    limits, margins = limits or Limits(), margins or ReachLimits()
    steps, n = paths.shape[:2]
    joints = np.tile(np.asarray(q, float), (n, 1))
    least = np.full(n, np.inf)
    at, what = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for step in range(steps):
        for _ in range(_ITERATIONS):
            joints = _nearer(joints, paths[step], homeward)
        state = arm_state(joints)
        there = [thing for thing in standing if thing.until is None or step < thing.until]
        each = _margins(joints, state, paths[step], limits, margins, there)  # (W, N)
        worst, which = each.min(axis=0), each.argmin(axis=0)
        new = worst < least
        least, at = np.where(new, worst, least), np.where(new, step, at)
        what = np.where(new, which, what)
    return Reach(least, at, tuple(_REASONS[w] for w in what))


def at_most(
    paths: Float64, limits: Limits | None = None, margins: ReachLimits | None = None
) -> Float64:
    """The margin (N,) of arms that follow these paths exactly, at most: by their hands' heights."""
    limits, margins = limits or Limits(), margins or ReachLimits()
    return _above(lowest_of_hand(paths).min(axis=0), limits, margins)


def _above(lowest_m: Float64, limits: Limits, margins: ReachLimits) -> Float64:
    return (lowest_m - limits.table_z_m - margins.clearance_m) / _ROOM_M


_REASONS = (
    *(f"joint {i} is at its limit" for i in range(1, 8)),
    "the arm is stretched or folded into a singularity",
    "hand or wrist touches the table",
    "hand or wrist touches what stands there",
    "the hand leaves the workspace",
    "the hand cannot get there",
    "the hand cannot turn there",
)


def _margins(
    q: Float64,
    state: ArmState,
    target: Float64,
    limits: Limits,
    margins: ReachLimits,
    standing: Sequence[Standing],
) -> Float64:
    """(W, N): of each reason in units that compare: 1 is plenty."""
    to_limit = np.minimum(q - JOINT_LOWER, JOINT_UPPER - q).T
    singular = np.linalg.svd(state.jacobian, compute_uv=False)[:, -1]
    place = target[:, :3, 3]
    inside = np.minimum(place - limits.lower, limits.upper - place).min(axis=1)
    off = _error(state, target)
    return np.concatenate(
        [
            (to_limit - margins.joint_margin_rad) / 0.5,
            (singular - margins.singular)[None] / 0.1,
            _above(state.lowest_m, limits, margins)[None],
            (_beside(state, standing) - margins.clearance_m)[None] / _ROOM_M,
            inside[None] / _ROOM_M,
            1.0 - np.linalg.norm(off[:, :3], axis=1)[None] / margins.off_m,
            1.0 - np.linalg.norm(off[:, 3:], axis=1)[None] / margins.off_rad,
        ]
    )


def _beside(state: ArmState, standing: Sequence[Standing]) -> Float64:
    """How far (N,) hand and wrist are outside of what stands, at least; 1 m where nothing does."""
    least = np.ones(len(state.hand))
    points, radii = state.outline(fingers=False)
    for thing in standing:
        aside = np.hypot(points[..., 0] - thing.x, points[..., 1] - thing.y)
        outside = np.maximum(aside - thing.radius, points[..., 2] - thing.top) - radii
        least = np.minimum(least, outside.min(axis=1))
    return least


def _error(state: ArmState, target: Float64) -> Float64:
    turn = rotvec_from_matrix(target[:, :3, :3] @ state.hand[:, :3, :3].transpose(0, 2, 1))
    return np.concatenate([target[:, :3, 3] - state.hand[:, :3, 3], turn], axis=1)


def _nearer(q: Float64, target: Float64, homeward: float) -> Float64:
    """One step of the joints (N, 7) towards hands (N, 4, 4)."""
    state = arm_state(q)
    J, error = state.jacobian, _error(state, target)
    posture = homeward * (HOME_Q - q)
    square = J @ J.transpose(0, 2, 1) + _DAMPING**2 * np.eye(6)
    left = (error - np.einsum("nij,nj->ni", J, posture))[..., None]
    step = posture + (J.transpose(0, 2, 1) @ np.linalg.solve(square, left))[..., 0]
    longest = np.abs(step).max(axis=1, keepdims=True)
    step = step * np.minimum(1.0, _MAX_STEP_RAD / np.maximum(longest, 1e-12))
    moved: Float64 = np.clip(q + step, JOINT_LOWER, JOINT_UPPER)
    return moved
