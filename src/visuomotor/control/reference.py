"""Targets at about 20 Hz in, a limited pose and twist at any rate out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import Float64
from visuomotor.control import tracking
from visuomotor.control.limits import Limits
from visuomotor.control.targets import Verdict, judge_pose
from visuomotor.geometry import (
    is_pose,
    matrix_from_quat_xyzw,
    matrix_from_rotvec,
    pose,
    pose_delta,
    quat_xyzw_from_matrix,
    rotvec_from_matrix,
)

DEFAULT_PERIOD_S = 0.05
STREAM_GAP_S = 0.15  # targets farther apart than this say nothing about a velocity


@dataclass(frozen=True)
class Reference:
    """What the controller gets: pose (4, 4) in base; twist (6,) m/s and rad/s along base axes.

    acceleration (6,) along base axes, of the last two steps about. target_twist (6,): of the
    targets themselves, as the last ones tell; zeros without a target.
    """

    pose: Float64
    twist: Float64
    acceleration: Float64
    target_twist: Float64


@dataclass(frozen=True)
class _Target:
    time_ns: int
    pose: Float64  # (4, 4)
    twist: Float64  # (6,) of the target itself, estimated
    period_s: float  # between targets, smoothed


class ReferenceGenerator:
    """Follows the newest accepted target within the limits, at every step and for any dt.

    `anchor` gives it a pose to stand at; without one it accepts nothing. The reference lags a
    moving target by the distance it needs to stop at the newest one, and so never overshoots it.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lower, self._upper = limits.lower, limits.upper
        self._position: Float64 | None = None
        self._rotation: Float64 = np.eye(3)
        self._linear: Float64 = np.zeros(3)
        self._angular: Float64 = np.zeros(3)
        self._acceleration: Float64 = np.zeros(6)
        self._time_ns = self._rest_ns = 0
        self._moved_ns: int | None = None
        self._target: _Target | None = None
        self._base: Float64 | None = None
        self.speed_share = 1.0
        """Of the greatest speeds, 0 to 1; less brakes the reference within its acceleration."""

    @property
    def pose(self) -> Float64 | None:
        """The reference (4, 4) as last stepped; None before the first anchor."""
        return None if self._position is None else pose(self._rotation, self._position)

    @property
    def at_rest(self) -> bool:
        """Whether the reference stands still."""
        return not (self._linear.any() or self._angular.any())

    @property
    def rest_ns(self) -> int | None:
        """Since when the reference stands still; None while it moves."""
        return self._rest_ns if self.at_rest else None

    @property
    def moved_ns(self) -> int | None:
        """When the reference moved last; None if it has not since the last anchor."""
        return self._moved_ns

    @property
    def holding(self) -> bool:
        """Whether no target is being followed."""
        return self._target is None

    def anchor(self, T_base_ee: ArrayLike, now_ns: int) -> None:
        """Stands at this pose (4, 4), at rest, and forgets all targets.

        Raises ValueError for what is not a finite pose.
        """
        T = np.array(T_base_ee, dtype=float)
        if not is_pose(T):
            raise ValueError("anchor: got no finite rigid pose (4, 4), expected the measured pose")
        self._position = T[:3, 3].copy()
        self._rotation = _orthonormal(T[:3, :3])
        self._linear, self._angular = np.zeros(3), np.zeros(3)
        self._acceleration = np.zeros(6)
        self._time_ns = self._rest_ns = now_ns
        self._moved_ns = None
        self._target = None
        self._base = T

    def offer(
        self,
        T_base_ee: ArrayLike,
        now_ns: int,
        frame_id: str = "fr3_link0",
        T_measured: Float64 | None = None,
    ) -> Verdict:
        """Takes a new target pose (4, 4), or refuses it with the reason.

        T_measured: given after a hold; the target is then judged from there. If it is accepted
        and the reference stands still farther from the measured pose than the controller's own
        error explains, the reference starts anew at the measured pose. (A small gap stays: to
        step across it would only let the arm creep, hold by hold.)
        """
        if self._position is None:
            return Verdict(False, "no_robot_state", "no pose to start from; is the robot on?")
        base = self._base if T_measured is None else T_measured
        verdict = judge_pose(T_base_ee, frame_id, base, self.limits)
        if verdict.T_base_ee is not None:
            if T_measured is not None and self.at_rest and self._far(T_measured):
                self.anchor(T_measured, now_ns)
            self._target = self._moving_target(verdict.T_base_ee, now_ns)
            self._base = verdict.T_base_ee
        return verdict

    def hold(self) -> None:
        """Drops the target: the next steps brake to rest and stay."""
        self._target = None

    def step(self, now_ns: int) -> Reference:
        """The reference at `now_ns`; raises ValueError before the first `anchor`.

        Of a gap longer than max_step_s only that much is travelled; the rest counts as braking,
        because whoever executes the reference has stood still meanwhile.
        """
        if self._position is None:
            raise ValueError("reference: no anchor yet; give the measured pose to anchor() first")
        elapsed_s = (now_ns - self._time_ns) * 1e-9
        self._time_ns = now_ns
        if elapsed_s > 0.0:
            if (
                self._target is not None
                and (now_ns - self._target.time_ns) * 1e-9 > self.limits.stale_s
            ):
                self.hold()
            moved = not self.at_rest
            before = np.concatenate([self._linear, self._angular])
            self._advance(elapsed_s, now_ns)
            change = np.concatenate([self._linear, self._angular]) - before
            self._acceleration = 0.5 * (self._acceleration + change / elapsed_s)
            if moved or not self.at_rest:
                self._rest_ns = self._moved_ns = now_ns
        return Reference(
            pose(self._rotation, self._position),
            np.concatenate([self._linear, self._angular]),
            self._acceleration.copy(),
            np.zeros(6) if self._target is None else self._target.twist,
        )

    def _far(self, T_measured: Float64) -> bool:
        assert self._position is not None
        return (
            tracking.length(T_measured[:3, 3] - self._position) > self.limits.anchor_tolerance_m
            or tracking.turn(self._rotation, T_measured[:3, :3]) > self.limits.anchor_tolerance_rad
        )

    def _advance(self, elapsed_s: float, now_ns: int) -> None:
        assert self._position is not None
        limits = self.limits
        h = min(elapsed_s, limits.max_step_s)
        unseen_s = elapsed_s - h
        if unseen_s > 0.0:
            self._linear = tracking.braked(self._linear, limits.max_acceleration * unseen_s)
            self._angular = tracking.braked(
                self._angular, limits.max_angular_acceleration * unseen_s
            )
        wished_linear, wished_angular = self._wished(h, now_ns)
        linear = tracking.limited_velocity(self._linear, wished_linear, limits.max_acceleration * h)
        lower = np.minimum(self._lower, self._position)  # anchored outside: only inwards
        upper = np.maximum(self._upper, self._position)
        self._linear = tracking.confined_velocity(
            self._position, self._linear, linear, lower, upper, limits.max_acceleration, h
        )
        self._angular = tracking.limited_velocity(
            self._angular, wished_angular, limits.max_angular_acceleration * h
        )
        self._position = np.clip(self._position + self._linear * h, lower, upper)
        if self._angular.any():
            self._rotation = _orthonormal(matrix_from_rotvec(self._angular * h) @ self._rotation)

    def _wished(self, h: float, now_ns: int) -> tuple[Float64, Float64]:
        target, limits = self._target, self.limits
        if target is None:
            return np.zeros(3), np.zeros(3)
        assert self._position is not None
        age_s = (now_ns - target.time_ns) * 1e-9
        lead = target.twist * min(max(age_s, 0.0), 1.2 * target.period_s)
        reaction_s, share = target.period_s + 0.01, self.speed_share
        linear = tracking.pursuit_velocity(
            target.pose[:3, 3] - self._position,
            lead[:3],
            share * limits.max_speed,
            limits.brake_fraction * limits.max_acceleration,
            reaction_s,
            h,
        )
        angular = tracking.pursuit_velocity(
            _rotvec_between(self._rotation, target.pose[:3, :3]),
            lead[3:],
            share * limits.max_angular_speed,
            limits.brake_fraction * limits.max_angular_acceleration,
            reaction_s,
            h,
        )
        return linear, angular

    def _moving_target(self, T: Float64, now_ns: int) -> _Target:
        last, limits = self._target, self.limits
        gap_s = 0.0 if last is None else (now_ns - last.time_ns) * 1e-9
        if last is None or not 0.0 < gap_s <= STREAM_GAP_S:
            return _Target(now_ns, T, np.zeros(6), DEFAULT_PERIOD_S)
        period_s = 0.7 * last.period_s + 0.3 * max(gap_s, 0.01)
        delta = pose_delta(last.pose, T) / max(period_s, gap_s)
        twist = 0.5 * (last.twist + delta)
        twist[:3] = tracking.clipped(twist[:3], limits.max_speed)
        twist[3:] = tracking.clipped(twist[3:], limits.max_angular_speed)
        return _Target(now_ns, T, twist, period_s)


def _orthonormal(rotation: Float64) -> Float64:
    return matrix_from_quat_xyzw(quat_xyzw_from_matrix(rotation))


def _rotvec_between(R_from: Float64, R_to: Float64) -> Float64:
    """Rotation vector (3,) in base that carries R_from to R_to; quick below 2.5 rad."""
    R = R_to @ R_from.T
    axis = 0.5 * np.array([R[2, 1] - R[1, 2], R[0, 2] - R[2, 0], R[1, 0] - R[0, 1]])
    sine, cosine = tracking.length(axis), 0.5 * (float(np.trace(R)) - 1.0)
    if cosine < -0.8:
        return rotvec_from_matrix(R)
    if sine < 1e-9:
        return axis
    return axis * (math.atan2(sine, cosine) / sine)
