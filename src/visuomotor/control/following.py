"""Whether the arm follows its reference, and whether its measured pose makes sense."""

from __future__ import annotations

import math

from visuomotor.contracts import Float64
from visuomotor.control.bridge_config import BridgeConfig
from visuomotor.control.tracking import length, turn

_GAP_S = 0.1  # a longer silence of the robot's state explains no longer way than this


class FollowWatch:
    """Notices an arm that stays too far from its reference for too long."""

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self._astray_since_ns: int | None = None

    def reset(self) -> None:
        """Forgets how long the arm has been astray."""
        self._astray_since_ns = None

    def look(self, reference: Float64, measured: Float64, now_ns: int) -> str:
        """Why this is a fault, or ""; both poses (4, 4) in base."""
        config = self._config
        far = length(reference[:3, 3] - measured[:3, 3])
        turned = turn(reference[:3, :3], measured[:3, :3])
        if far <= config.max_tracking_error_m and turned <= config.max_tracking_error_rad:
            self._astray_since_ns = None
            return ""
        if self._astray_since_ns is None:
            self._astray_since_ns = now_ns
        if (now_ns - self._astray_since_ns) * 1e-9 < config.tracking_error_time_s:
            return ""
        return (
            f"tracking error: the arm is {far * 100:.1f} cm and {math.degrees(turned):.0f}° "
            f"from its reference (limit {config.max_tracking_error_m * 100:.1f} cm); "
            "clear what blocks it, then call bridge/reset"
        )


def teleported_by(config: BridgeConfig, before: Float64, after: Float64, gap_s: float) -> float:
    """How far in m the measured pose (4, 4) jumped within gap_s; 0 if an arm can move so fast."""
    moved = length(after[:3, 3] - before[:3, 3])
    possible = config.max_jump_m + 2 * config.max_speed * min(max(gap_s, 0.0), _GAP_S)
    return moved if moved > possible else 0.0
