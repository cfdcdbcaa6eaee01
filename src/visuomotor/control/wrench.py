"""The external wrench that stops the arm."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visuomotor.contracts import Float64
from visuomotor.control.tracking import length
from visuomotor.geometry import interpolate_pose, rotation_angle


@dataclass(frozen=True, kw_only=True)
class WrenchLimits:
    """What may press on the hand; raises ValueError for a bound that is not positive."""

    stop_force_n: float = 25.0  # external force on the hand that stops the arm
    stop_torque_nm: float = 10.0  # external torque on the hand that stops the arm
    stop_time_s: float = 0.02  # ... for this long

    def __post_init__(self) -> None:
        for name in ("stop_force_n", "stop_torque_nm", "stop_time_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}: got {value}, expected a positive number")


class WrenchWatch:
    """Tells when a wrench has been beyond its limits for long enough."""

    def __init__(self, limits: WrenchLimits) -> None:
        self._limits = limits
        self._since_ns: int | None = None

    def reset(self) -> None:
        """Forgets what has pressed until now."""
        self._since_ns = None

    def look(self, wrench: Float64, now_ns: int) -> str:
        """Why the arm must stop now, or "", for a wrench (6,) of force in N and torque in Nm.

        A wrench that is not finite says nothing.
        """
        limits = self._limits
        force, torque = length(wrench[:3]), length(wrench[3:])
        if not (force > limits.stop_force_n or torque > limits.stop_torque_nm):
            self._since_ns = None
            return ""
        if self._since_ns is None or now_ns < self._since_ns:
            self._since_ns = now_ns
        if (now_ns - self._since_ns) * 1e-9 < limits.stop_time_s:
            return ""
        return (
            f"external wrench of {force:.0f} N and {torque:.1f} Nm (limits "
            f"{limits.stop_force_n:.0f} N, {limits.stop_torque_nm:.0f} Nm); "
            "free the hand, then call bridge/reset"
        )


def given_way(anchor: Float64, measured: Float64, by_m: float, by_rad: float) -> Float64:
    """Where an arm that was stopped holds on: the anchor, or the nearest to it within reach.

    anchor, measured, result: poses (4, 4) in base. The result lies at most by_m and by_rad from
    the measured pose, so that a spring towards it presses with a bounded force on who pushes the
    hand away, and does not fling it back when they let go.
    """
    held: Float64 = anchor.copy()
    distance = length(measured[:3, 3] - anchor[:3, 3])
    if distance > by_m:
        held[:3, 3] += (1.0 - by_m / distance) * (measured[:3, 3] - anchor[:3, 3])
    angle = float(rotation_angle(anchor[:3, :3].T @ measured[:3, :3]))
    if angle > by_rad:
        held[:3, :3] = interpolate_pose(anchor, measured, 1.0 - by_rad / angle)[:3, :3]
    return held
