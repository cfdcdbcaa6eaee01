"""How a Franka hand moves and grasps, whoever talks to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M


@dataclass(frozen=True, kw_only=True)
class GripperConfig:
    """Raises ValueError for a value that is not positive and finite, or wider than the hand."""

    has_gripper: bool = True
    gripper_speed: float = 0.1  # m/s
    gripper_force_n: float = 20.0
    grasp_below_m: float = 0.03  # a narrower width closes with force until something is held
    grasp_epsilon_m: float = MAX_GRIPPER_WIDTH_M  # what is held may be this wide
    gripper_timeout_s: float = 5.0  # for one motion of the hand
    homing_timeout_s: float = 30.0  # for finding its ends

    def __post_init__(self) -> None:
        for field in fields(GripperConfig):
            value = getattr(self, field.name)
            if isinstance(value, float) and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}: got {value}, expected a positive number")
        for name in ("grasp_below_m", "grasp_epsilon_m"):
            if getattr(self, name) > MAX_GRIPPER_WIDTH_M:
                raise ValueError(
                    f"{name}: got {getattr(self, name)}, expected at most {MAX_GRIPPER_WIDTH_M}"
                )
