"""How well a hand imitates demonstrations, step by step: the reward that skills are learned from.

Petrik et al. 2020, section 4.3 and table 2: the mean over demonstrations of a weighted sum of
exp(-b/2 d²) (equation 7), or their maximum, the baseline after Peng et al. 2018 (DeepMimic).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import DataError
from visuomotor.geometry import matrix_from_rotvec, rotation_angle
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import ACT, Demonstration
from visuomotor.video.grasp import grasping_path

if TYPE_CHECKING:
    from visuomotor.sim.gripper import GripperState

Float64 = NDArray[np.float64]

GRIP_M = 0.005
"""By how much less than an object's radius the fingers shall be opened around it."""


@dataclass(frozen=True)
class Term:
    """One quantity's share: weight · exp(-sharpness/2 · distance²)."""

    weight: float
    sharpness: float

    def __post_init__(self) -> None:
        if self.weight < 0 or self.sharpness <= 0:
            raise ValueError(
                f"reward: got weight {self.weight}, sharpness {self.sharpness}; expected a weight "
                ">= 0 and a sharpness > 0"
            )


@dataclass(frozen=True)
class RewardConfig:
    """The reward's terms, and how those of several demonstrations become one.

    object_position, hand_position (m), hand_angles (azimuth and elevation, rad), object_rotation
    (rad); closing (m): the opening beside the object's radius less 5 mm, where the demonstration
    touches in its action; static_position (m): of the static object, in actions that have one, from
    its place. symmetric: the object's rotation counts by where its axis lies, as a cylinder looks
    the same turned about that and upside down; false: every rotation counts. combine: the `mean` of
    the demonstrations' rewards, or their `max`.
    """

    object_position: Term = Term(0.5, 100.0)
    hand_position: Term = Term(0.2, 100.0)
    hand_angles: Term = Term(0.2, 10.0)
    object_rotation: Term = Term(0.05, 10.0)
    closing: Term = Term(0.05, 10_000.0)
    static_position: Term = Term(0.5, 100.0)
    symmetric: bool = True
    combine: Literal["mean", "max"] = "mean"


class ImitationReward:
    """The reward of worlds' steps beside D demonstrations of one action; divided by `horizon`.

    Heights are compared from where the moved object rests (on the table, or on the static object),
    so that a demonstration with an object of another size can be imitated exactly; in `put_onto`
    its place is, too, so that every demonstration ends on the static object's middle, however wide
    that was. The hand is compared as `grasping_path` leads it, except in pushes, where it may be
    behind the object. Raises DataError without demonstrations, for several actions, and for another
    rate than `rate_hz`.
    """

    def __init__(
        self,
        demonstrations: Sequence[Demonstration],
        config: RewardConfig | None = None,
        horizon: int = 120,
        rate_hz: float = 12.0,
    ) -> None:
        names = {d.action for d in demonstrations}
        if len(names) != 1:
            raise DataError(
                f"reward: got demonstrations of {sorted(names) or 'nothing'}, expected one action's"
            )
        other = [d.rate_hz for d in demonstrations if abs(d.rate_hz - rate_hz) > 1e-6]
        if other:
            raise DataError(f"reward: got demonstrations at {other[0]} Hz, expected {rate_hz} Hz")
        self.config, self.horizon = config or RewardConfig(), horizon
        self.action = find_action(names.pop())
        self._onto = self.action.name == "put_onto"
        whole = [_extended(d, horizon + 1) for d in demonstrations]
        rest = np.stack([_rest(d, self._onto) for d in whole])  # (D, 3)
        pushed = self.action.name.startswith("push")
        hands = [d.hand_position if pushed else grasping_path(d) for d in whole]
        self._object = np.stack([d.object_position for d in whole]) - rest[:, None]  # (D, S, 3)
        self._hand = np.stack(hands) - rest[:, None]
        self._beginnings = np.stack([d.object_position[0] for d in whole]) - rest * [1, 1, 0]
        self._beginnings[:, 2] -= [d.object_position[:, 2].min() for d in whole]
        angles = [(d.hand_azimuth, d.hand_elevation) for d in whole]
        self._angles = np.stack([np.stack(a, axis=1) for a in angles])  # (D, S, 2)
        self._rotation = matrix_from_rotvec(np.stack([d.object_rotation for d in whole]))
        self._touching = np.stack([(d.touch > 0.5) & (d.phase == ACT) for d in whole])

    @property
    def beginnings(self) -> Float64:
        """Where (D, 3) m the demonstrations have the moved object at first, or (0, 3).

        (0, 3) where it stands at the origin. Heights count from the object's lowest place.
        """
        return self._beginnings if self.action.static else self._beginnings[:0]

    def __call__(self, step: NDArray[np.int64], state: GripperState) -> Float64:
        """Rewards (N,) of N worlds after so many steps (N,) of their episodes."""
        c = self.config
        moved = state.objects.shape[1] - 1
        half = state.heights[:, moved] / 2
        rest = half + state.heights[:, 0] if self._onto else half  # (N,) of the moved centre
        bottom = np.stack([0 * rest, 0 * rest, half], axis=1)
        wanted = self._object[:, step] + _upward(rest)
        wanted[..., 2] = np.maximum(wanted[..., 2], bottom[:, 2])
        off = wanted - state.objects[:, moved]
        hand = self._hand[:, step] + _upward(rest)
        hand[..., 2] = np.maximum(hand[..., 2], bottom[:, 2])
        hand = hand - state.position
        angles = self._angles[:, step] - np.stack([state.azimuth, state.elevation], axis=1)
        angles[..., 0] = (angles[..., 0] + np.pi) % (2 * np.pi) - np.pi
        turned = self._turned(step, state.rotations[:, moved])
        total = _share(c.object_position, (off**2).sum(-1))
        total += _share(c.hand_position, (hand**2).sum(-1))
        total += _share(c.hand_angles, (angles**2).sum(-1))
        total += _share(c.object_rotation, turned**2)
        grip = state.opening - (state.radii[:, moved] - GRIP_M)
        total += self._touching[:, step] * _share(c.closing, grip**2)
        if self.action.static:
            from_place = state.objects[:, 0] - _upward(state.heights[:, 0] / 2)
            total += _share(c.static_position, (from_place**2).sum(-1))
        best = total.mean(axis=0) if c.combine == "mean" else total.max(axis=0)
        result: Float64 = best / self.horizon
        return result

    def _turned(self, step: NDArray[np.int64], rotation: Float64) -> Float64:
        """Angles (D, N) in rad between the demonstrations' objects and the worlds' (N, 3, 3)."""
        wanted = self._rotation[:, step]
        if self.config.symmetric:
            cosine = np.abs(np.einsum("dni,ni->dn", wanted[..., 2], rotation[..., 2]))
            axes: Float64 = np.arccos(np.clip(cosine, 0.0, 1.0))
            return axes
        return rotation_angle(np.swapaxes(wanted, -1, -2) @ rotation)


def _share(term: Term, squared: Float64) -> Float64:
    share: Float64 = term.weight * np.exp(-0.5 * term.sharpness * squared)
    return share


def _upward(height: Float64) -> Float64:
    """Vectors (N, 3) of these heights (N,)."""
    return np.stack([0 * height, 0 * height, height], axis=1)


def _rest(d: Demonstration, onto: bool) -> Float64:
    """What positions (3,) count from: (0, 0, its lowest height), or, put onto, where it is last."""
    acting = np.flatnonzero(d.phase == ACT)
    if onto and len(acting):
        last: Float64 = d.object_position[acting[-1]].copy()
        return last
    return np.array([0.0, 0.0, d.object_position[:, 2].min()])


def _extended(d: Demonstration, steps: int) -> Demonstration:
    """The first `steps` steps; one that is shorter stays as it ends."""
    index = np.minimum(np.arange(steps), len(d.touch) - 1)
    arrays = ("hand_position", "hand_azimuth", "hand_elevation", "touch", "object_position")
    kept = {n: getattr(d, n)[index] for n in (*arrays, "object_rotation", "phase")}
    return Demonstration(d.action, d.rate_hz, **kept)
