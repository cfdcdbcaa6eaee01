"""When the arm stands still, and whether it has moved on since a view was taken."""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import pose_delta

STILL_M = 0.0007
STILL_RAD = 0.003
MOVED_M = 0.015
MOVED_RAD = 0.05


class Stillness:
    """Follows the arm's poses. since_ns: since when it has stood still, None before any pose."""

    def __init__(self) -> None:
        self.since_ns: int | None = None
        self.newest_ns = 0
        self._anchor: Float64 | None = None

    @property
    def pose(self) -> Float64 | None:
        """Where (4, 4) the arm came to rest."""
        return self._anchor

    def add(self, stamp_ns: int, T_base_ee: Float64) -> None:
        """Takes the newest pose; older ones and other clocks begin anew."""
        if stamp_ns < self.newest_ns or _far(self._anchor, T_base_ee, STILL_M, STILL_RAD):
            self._anchor, self.since_ns = T_base_ee, stamp_ns
        self.newest_ns = stamp_ns

    def still_for(self, stamp_ns: int) -> int:
        """For how long, in ns, it had stood still at a stamp; negative if it moved later."""
        return -1 if self.since_ns is None else stamp_ns - self.since_ns


def moved(T_from: Float64 | None, T_to: Float64) -> bool:
    """Whether two poses are far enough apart to make two views."""
    return _far(T_from, T_to, MOVED_M, MOVED_RAD)


def _far(a: Float64 | None, b: Float64, distance_m: float, angle_rad: float) -> bool:
    if a is None:
        return True
    d = pose_delta(a, b)
    return bool(np.linalg.norm(d[:3]) > distance_m or np.linalg.norm(d[3:]) > angle_rad)
