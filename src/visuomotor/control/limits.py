"""The bounds that no reference leaves; the only list of their defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from visuomotor.contracts import Float64


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on targets and references, in the base frame.

    Raises ValueError for a bound that is not finite and positive, or an empty workspace.
    """

    workspace_min: tuple[float, float, float] = (0.20, -0.45, 0.0)  # m, of the end effector
    workspace_max: tuple[float, float, float] = (0.75, 0.45, 0.75)  # m
    table_z_m: float = 0.0  # the table's plane in base
    table_clearance_m: float = 0.005  # the end effector stays this far above it
    max_speed: float = 0.25  # m/s
    max_acceleration: float = 2.0  # m/s²
    max_angular_speed: float = 1.5  # rad/s
    max_angular_acceleration: float = 8.0  # rad/s²
    max_jump_m: float = 0.05  # between accepted targets; from the measured pose after a hold
    max_jump_rad: float = 0.5
    stale_s: float = 0.25  # newest target older than this: hold
    max_step_s: float = 0.05  # a stalled caller gets no longer step than this
    brake_fraction: float = 0.8  # of the acceleration, planned for braking; the rest corrects
    anchor_tolerance_m: float = 0.005  # a smaller gap to the measured pose keeps the reference
    anchor_tolerance_rad: float = 0.05

    def __post_init__(self) -> None:
        for field in fields(Limits):
            value = getattr(self, field.name)
            if field.name.startswith("workspace") or field.name == "table_z_m":
                continue
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}: got {value}, expected a positive number")
        if self.brake_fraction > 1:
            raise ValueError(f"brake_fraction: got {self.brake_fraction}, expected at most 1")
        if self.max_jump_rad > 2.5:
            raise ValueError(f"max_jump_rad: got {self.max_jump_rad}, expected at most 2.5 rad")
        low, high = self.lower, self.upper
        if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
            raise ValueError(
                f"workspace: got {low.tolist()} to {high.tolist()} m (table and clearance "
                "included), expected every minimum below its maximum"
            )

    @property
    def lower(self) -> Float64:
        """(3,) m: the workspace's lower corner, the table's plane included."""
        low = np.array(self.workspace_min, float)
        low[2] = max(low[2], self.table_z_m + self.table_clearance_m)
        return low

    @property
    def upper(self) -> Float64:
        """(3,) m: the workspace's upper corner."""
        return np.array(self.workspace_max, float)
