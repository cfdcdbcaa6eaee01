"""Where to send an arm that lags behind its reference, so that it is where the reference is."""

from __future__ import annotations

import math

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.control.limits import Limits
from visuomotor.control.reference import Reference
from visuomotor.geometry import apply_delta

FADE_S = 0.02
"""How fast the lead follows what the targets do."""


class Lead:
    """Sends the arm ahead of a reference whose targets go on, never past one that stands.

    A spring that is pulled through friction lags by about the same time at every speed. Sent where
    its reference will be that much later, it arrives in time; but where the target stands still and
    the reference is about to brake, it would be carried past it. So only that share of the
    reference's twist counts that the newest targets have themselves, along the same line.
    """

    def __init__(self, limits: Limits, lead_s: float) -> None:
        self.lead_s = lead_s
        self._limits = limits
        self._lower, self._upper = limits.lower, limits.upper
        self._shares = np.zeros(2)  # of the linear and the angular part, 0 to 1
        self._offset: Float64 = np.zeros(6)  # of what is sent from the reference, m and rad
        self._time_ns: int | None = None

    def ahead(self, reference: Reference, now_ns: int) -> Float64:
        """The pose (4, 4) in base to send now; inside the workspace where the reference is.

        It moves no faster than the limits' max_speed and max_angular_speed where the reference
        does not: a lead that grows is a speed that adds to the reference's own. Of a gap longer
        than max_step_s only that much is travelled, as by the reference. Its acceleration is not
        bounded: a lead that comes or goes may turn it around within a step.
        """
        elapsed_s = 0.0 if self._time_ns is None else max(now_ns - self._time_ns, 0) * 1e-9
        elapsed_s = min(elapsed_s, self._limits.max_step_s)
        self._time_ns = now_ns
        if self.lead_s == 0.0:
            return reference.pose
        self._grow(reference, elapsed_s)
        led = apply_delta(reference.pose, self._offset)
        position = reference.pose[:3, 3]
        led[:3, 3] = np.clip(
            led[:3, 3], np.minimum(self._lower, position), np.maximum(self._upper, position)
        )
        return led

    def clear(self) -> None:
        """Sends the reference itself again: it was put where the arm stands."""
        self._shares, self._offset = np.zeros(2), np.zeros(6)

    def _grow(self, reference: Reference, elapsed_s: float) -> None:
        """Changes the offset towards what the reference's twist asks for, as fast as it may."""
        if elapsed_s <= 0.0:
            return
        twist, wanted = reference.twist, reference.target_twist
        shares = np.array([_share(twist[:3], wanted[:3]), _share(twist[3:], wanted[3:])])
        self._shares += (shares - self._shares) * min(elapsed_s / FADE_S, 1.0)
        change = self.lead_s * np.repeat(self._shares, 3) * twist - self._offset
        limits = (self._limits.max_speed, self._limits.max_angular_speed)
        for part, limit in zip((slice(0, 3), slice(3, 6)), limits, strict=True):
            self._offset[part] += change[part] * _part_within(
                twist[part], change[part] / elapsed_s, limit
            )


def _part_within(velocity: Float64, added: Float64, limit: float) -> float:
    """The greatest share, 0 to 1, of `added` (3,) with |velocity + share * added| <= limit."""
    a = float(added @ added)
    b = float(velocity @ added)
    c = float(velocity @ velocity) - limit**2
    if (c >= 0.0 and b >= 0.0) or a < 1e-18:
        return 0.0
    root = math.sqrt(max(b * b - a * c, 0.0))
    return min(max((root - b) / a, 0.0), 1.0)


def _share(velocity: Float64, wanted: Float64) -> float:
    """How much of a velocity (3,) is wanted along its own line, 0 to 1."""
    squared = float(velocity @ velocity)
    return 0.0 if squared < 1e-12 else min(max(float(velocity @ wanted) / squared, 0.0), 1.0)
