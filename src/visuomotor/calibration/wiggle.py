"""A small motion about where the arm stands, by which clocks are compared."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import pose

MAX_SPEED_M_S = 0.2


@dataclass(frozen=True)
class WiggleConfig:
    """Back and forth along one line, ever faster, in a soft envelope.

    On one line what a camera sees depends on one number; no period repeats, so that no delay looks
    like another. amplitude_m: to either side. direction: in base, of any length; the default is
    slanted, for a camera sees little of a motion along its axis. slow_hz, fast_hz: first and last
    frequency. ramp_s: how long it swells and fades. Raises ValueError for a motion that the
    bridge's limits would change.
    """

    amplitude_m: float = 0.03
    direction: tuple[float, float, float] = (0.4, 0.4, 0.8)
    slow_hz: float = 0.35
    fast_hz: float = 0.9
    duration_s: float = 12.0
    ramp_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0.005 <= self.amplitude_m <= 0.05:
            raise ValueError(f"amplitude_m: got {self.amplitude_m}, expected 0.005 to 0.05 m")
        length = math.hypot(*self.direction)
        if not 0 < length < math.inf:
            raise ValueError(f"direction: got {self.direction}, expected a vector in base")
        if not 0.1 <= self.slow_hz < self.fast_hz <= 1.5:
            raise ValueError(
                f"got slow_hz {self.slow_hz} and fast_hz {self.fast_hz}, expected 0.1 to 1.5, the "
                "second larger"
            )
        if not (8.0 <= self.duration_s <= 60.0 and 0.5 <= self.ramp_s <= self.duration_s / 3):
            raise ValueError(
                f"got duration_s {self.duration_s}, ramp_s {self.ramp_s}; expected 8 to 60 s, and "
                "a ramp of 0.5 s to a third of that"
            )
        top_m_s = 2 * math.pi * self.amplitude_m * self.fast_hz
        if top_m_s > MAX_SPEED_M_S:
            raise ValueError(
                f"got a motion of up to {top_m_s:.2f} m/s, expected at most {MAX_SPEED_M_S}; make "
                "amplitude_m or fast_hz smaller"
            )


def wiggle(T_base_ee: Float64, elapsed_s: float, config: WiggleConfig) -> Float64:
    """The target (4, 4) so many seconds after the start at T_base_ee, to which it returns."""
    left_s = config.duration_s - elapsed_s
    near = min(max(min(elapsed_s, left_s) / config.ramp_s, 0.0), 1.0)
    envelope = config.amplitude_m * 0.5 * (1 - math.cos(math.pi * near))
    rise = (config.fast_hz - config.slow_hz) / config.duration_s
    turns = config.slow_hz * elapsed_s + 0.5 * rise * elapsed_s**2
    line = np.array(config.direction) / math.hypot(*config.direction)
    offset = envelope * math.sin(2 * math.pi * turns) * line
    return pose(T_base_ee[:3, :3], T_base_ee[:3, 3] + offset)
