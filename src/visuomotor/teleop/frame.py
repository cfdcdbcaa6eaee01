"""Along which axes an operator's motion goes: the base's, turned to the operator, or the hand's."""

from __future__ import annotations

import math

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.errors import unknown_name
from visuomotor.geometry import matrix_from_rotvec

FRAMES = ("base", "hand")


class Frame:
    """Turns deltas (6,) from the operator's axes to the base's.

    name: `base`, turned by yaw_rad about z (0: the operator looks along the base's x, pi: towards
    the robot), or `hand`: the end effector's own axes. Raises ValueError for another.
    """

    def __init__(self, name: str = "base", yaw_rad: float = 0.0) -> None:
        if name not in FRAMES:
            raise ValueError(unknown_name("frame", name, FRAMES))
        if not math.isfinite(yaw_rad):
            raise ValueError(f"operator_yaw_rad: got {yaw_rad}, expected a finite angle")
        self._hand = name == "hand"
        self._R_base_operator = matrix_from_rotvec([0.0, 0.0, yaw_rad])

    def along_base(self, delta: Float64, T_base_ee: Float64) -> Float64:
        """The same delta along base axes, for the hand at T_base_ee."""
        R = T_base_ee[:3, :3] if self._hand else self._R_base_operator
        return np.concatenate([R @ delta[:3], R @ delta[3:]])
