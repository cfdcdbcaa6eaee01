"""A device's deltas become pose targets that stay close to the arm."""

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
        self._leash_m, self._leash_rad = leash_m, leash_rad
        self._target: Float64 | None = None

    def disengage(self) -> None:
        """Forgets the target: the next one starts at the arm."""
        self._target = None

    def move(self, delta: ArrayLike, T_base_ee: Float64) -> Float64:
        """The target (4, 4) after a delta (6,) in m and rad, for the arm measured at T_base_ee.

        Raises ValueError for a delta or a pose that is not finite.
        """
        d = np.asarray(delta, float)
        if d.shape != (6,) or not np.isfinite(d).all() or not is_pose(T_base_ee):
            raise ValueError(
                f"teleop: got the delta {d.tolist()}, expected 6 finite numbers and a finite pose"
            )
        start = T_base_ee if self._target is None else self._target
        lead = pose_delta(T_base_ee, apply_delta(start, d))
        lead[:3] *= min(1.0, self._leash_m / max(float(np.linalg.norm(lead[:3])), 1e-12))
        lead[3:] *= min(1.0, self._leash_rad / max(float(np.linalg.norm(lead[3:])), 1e-12))
        target: Float64 = apply_delta(T_base_ee, lead)
        self._target = target
        return target
