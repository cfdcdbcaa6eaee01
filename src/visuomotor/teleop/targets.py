"""What an operator asks for becomes pose targets that stay close to the arm."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import Float64
from visuomotor.geometry import apply_delta, is_pose, pose_delta


class DeltaTargets:
    """Accumulates deltas (6,) along base axes into a target, from where the arm is when engaged.

    The target is kept on a leash: at most `leash_m` and `leash_rad` from the measured pose. So an
    arm that cannot follow is not pulled harder and harder, and the bridge never sees a jump.
    """

    def __init__(self, leash_m: float = 0.03, leash_rad: float = 0.25) -> None:
        if not (0 < leash_m < math.inf and 0 < leash_rad < math.pi):
            raise ValueError(
                f"leash: got {leash_m} m and {leash_rad} rad, expected positive numbers"
            )
        self._leash = (leash_m, leash_rad)
        self._target: Float64 | None = None

    def disengage(self) -> None:
        """Forgets the target: the next one starts at the arm."""
        self._target = None

    def start(self, T_base_ee: Float64) -> Float64:
        """Where the next target starts: at the last one, or at the arm."""
        return T_base_ee if self._target is None else self._target

    def move(self, delta: ArrayLike, T_base_ee: Float64) -> Float64:
        """The target (4, 4) after a delta (6,) in m and rad, for the arm measured at T_base_ee.

        Raises ValueError for a delta or a pose that is not finite.
        """
        d = np.asarray(delta, float)
        if d.shape != (6,) or not np.isfinite(d).all() or not is_pose(T_base_ee):
            raise ValueError(
                f"teleop: got the delta {d.tolist()}, expected 6 finite numbers and a finite pose"
            )
        target = _within(apply_delta(self.start(T_base_ee), d), T_base_ee, *self._leash)
        self._target = target
        return target

    def approach(
        self, T_base_wanted: Float64, T_base_ee: Float64, step_m: float, step_rad: float
    ) -> Float64:
        """The target (4, 4) one step nearer to a wanted pose; no farther than the step."""
        start = self.start(T_base_ee)
        return self.move(
            pose_delta(start, _within(T_base_wanted, start, step_m, step_rad)), T_base_ee
        )


def _within(T: Float64, T_centre: Float64, radius_m: float, radius_rad: float) -> Float64:
    """T, pulled towards T_centre until it is no farther from it than both radii."""
    lead = pose_delta(T_centre, T)
    lead[:3] *= min(1.0, radius_m / max(float(np.linalg.norm(lead[:3])), 1e-12))
    lead[3:] *= min(1.0, radius_rad / max(float(np.linalg.norm(lead[3:])), 1e-12))
    return apply_delta(T_centre, lead)
