"""Random pushes: short wrench pulses on an object, the same ones for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class WrenchPulses:
    """Pulses on a body: a force in the table's plane through its centre of mass, and a yaw torque.

    Size uniform from 0 to force_n (any direction) and within +-torque_nm, for duration_s; from
    the end of a pulse to the next one uniform between the two of pause_s.
    """

    body: str
    force_n: float
    torque_nm: float
    duration_s: float = 0.05
    pause_s: tuple[float, float] = (0.5, 1.5)

    def draw(self, rng: np.random.Generator, scale: float, until_s: float) -> Pulses:
        """The pulses of one episode, their sizes times `scale`."""
        count = int(until_s / (self.duration_s + self.pause_s[0])) + 1
        pauses = rng.uniform(*self.pause_s, count)
        starts = np.cumsum(pauses) + self.duration_s * np.arange(count)
        size, angle = rng.uniform(0, self.force_n, count), rng.uniform(-np.pi, np.pi, count)
        wrenches = np.zeros((count, 6))
        wrenches[:, 0], wrenches[:, 1] = size * np.cos(angle), size * np.sin(angle)
        wrenches[:, 5] = rng.uniform(-self.torque_nm, self.torque_nm, count)
        return Pulses(starts, self.duration_s, scale * wrenches)


@dataclass(frozen=True)
class Pulses:
    """starts (P,) in s since the reset, ascending; wrenches (P, 6): force N, torque Nm in base."""

    starts: NDArray[np.float64]
    duration_s: float
    wrenches: NDArray[np.float64]

    def at(self, elapsed_s: float) -> NDArray[np.float64]:
        """The wrench (6,) that acts `elapsed_s` after the reset."""
        i = int(np.searchsorted(self.starts, elapsed_s + 1e-6, side="right")) - 1
        acts = i >= 0 and elapsed_s + 1e-6 < self.starts[i] + self.duration_s
        return self.wrenches[i] if acts else np.zeros(6)
