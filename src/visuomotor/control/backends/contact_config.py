"""Which contact stops a real arm, whatever drives it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class ContactConfig:
    """Raises ValueError for a threshold that is not positive and finite."""

    collision_torque_nm: float = 20.0  # the robot's own reflex, per joint
    collision_force_n: float = 30.0  # the robot's own reflex, per axis
    stop_force_n: float = 25.0  # external force on the hand that stops the arm
    stop_torque_nm: float = 10.0  # external torque on the hand that stops the arm
    stop_time_s: float = 0.02  # ... for this long

    def __post_init__(self) -> None:
        for field in fields(ContactConfig):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}: got {value}, expected a positive number")
