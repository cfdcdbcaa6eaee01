"""Straight ways from pose to pose, begun and ended gently."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import apply_delta, pose_delta
from visuomotor.policies.skill.plan import Waypoint

_PEAK = 1.875
"""Of a minimum-jerk way's speed over its mean."""


class Way:
    """A hand's way through waypoints, from T_base_ee (4, 4); its speeds stay within m/s and rad/s.

    The fingers do at a waypoint what it says while the hand waits there; before the first one they
    open.
    """

    def __init__(
        self, T_base_ee: Float64, points: Sequence[Waypoint], speed_m_s: float, turn_rad_s: float
    ) -> None:
        self.T_base_ee, self.width_m = np.array(T_base_ee), points[0].width_m
        self._points = list(points)
        self._speed, self._turn = speed_m_s, turn_rad_s
        self._waited_s = 0.0
        self._begin()

    @property
    def over(self) -> bool:
        """Whether the last waypoint was reached and waited at."""
        return not self._points

    def advance(self, duration_s: float) -> float:
        """So much later; returns what is left of that once it is over."""
        while duration_s > 1e-9 and self._points:
            point = self._points[0]
            if self._passed_s < self._duration_s:
                part_s = min(duration_s, self._duration_s - self._passed_s)
                self._passed_s += part_s
                s = self._passed_s / self._duration_s
                share = s**3 * (10 - 15 * s + 6 * s**2)
                self.T_base_ee = apply_delta(self._from, share * self._delta)
            else:
                self.width_m = point.width_m
                part_s = min(duration_s, point.wait_s - self._waited_s)
                self._waited_s += part_s
                if self._waited_s >= point.wait_s - 1e-9:
                    self.T_base_ee = np.array(point.T_base_ee)
                    self._points.pop(0)
                    self._begin()
            duration_s -= part_s
        return duration_s

    def _begin(self) -> None:
        self._passed_s = self._waited_s = self._duration_s = 0.0
        self._from = self.T_base_ee
        if not self._points:
            return
        self._delta = pose_delta(self._from, self._points[0].T_base_ee)
        far, turned = np.linalg.norm(self._delta[:3]), np.linalg.norm(self._delta[3:])
        longest = max(float(far) / self._speed, float(turned) / self._turn)
        self._duration_s = _PEAK * longest
