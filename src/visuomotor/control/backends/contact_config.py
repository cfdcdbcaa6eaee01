"""Which contact stops a real arm, whatever drives it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visuomotor.control.wrench import WrenchLimits


@dataclass(frozen=True, kw_only=True)
class ContactConfig(WrenchLimits):
    """The arm's own reflexes beside our stop; ValueError for a threshold that is not positive."""

    collision_torque_nm: float = 20.0  # the robot's own reflex, per joint
    collision_force_n: float = 30.0  # the robot's own reflex, per axis

    def __post_init__(self) -> None:
        WrenchLimits.__post_init__(self)
        for name in ("collision_torque_nm", "collision_force_n"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}: got {value}, expected a positive number")
