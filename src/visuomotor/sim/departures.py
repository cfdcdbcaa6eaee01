"""How the hand departs from what it is told, as `SimConfig` asks: sway, slips and strays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.geometry import pose
from visuomotor.sim.config import SimConfig
from visuomotor.sim.slips import Slips, Strays
from visuomotor.sim.smooth_noise import SmoothNoise

_SWAY_KNOT_S = 0.25

Float64 = NDArray[np.float64]


@dataclass
class Departures:
    """One episode's; None: none of that kind. Times are in s since its reset.

    sway: in multiples of sway_m along base's axes. told_m: the width that the gripper was told
    last. A stray leads the hand from where it was when the stray began, `_begun` (4, 4) in base,
    kept for the stray of number `_number`.
    """

    sway_m: float = 0.0
    sway: SmoothNoise | None = None
    slips: Slips | None = None
    strays: Strays | None = None
    told_m: float | None = None
    _number: int = -1
    _begun: Float64 | None = None

    @classmethod
    def draw(cls, config: SimConfig, seed: int, until_s: float) -> Departures:
        """Those of an episode that lasts until_s at most; every kind has its own random numbers."""
        made = cls(config.hand_noise_m)
        if config.hand_noise_m > 0:
            made.sway = SmoothNoise.draw(_rng(seed, 4), 3, _SWAY_KNOT_S, until_s)
        if config.slips_hz > 0:
            made.slips = Slips.draw(_rng(seed, 7), config.slips_hz, until_s)
        if config.strays_hz > 0:
            made.strays = Strays.draw(_rng(seed, 8), config.strays_hz, until_s)
        return made

    def reference(
        self, told: Float64, elapsed_s: float, measured: Callable[[], Float64]
    ) -> Float64:
        """The T_base_ee (4, 4) that the arm follows, told another; measured: where it is."""
        stray = self.strays.now(elapsed_s) if self.strays is not None else None
        if stray is not None:
            number, way = stray
            if self._begun is None or self._number != number:
                self._number, self._begun = number, measured()
            return pose(self._begun[:3, :3], self._begun[:3, 3] + way)
        aside = np.zeros(3)
        if self.sway is not None:
            aside += self.sway_m * self.sway.at(elapsed_s)
        if self.slips is not None:
            aside += self.slips.aside(elapsed_s)
        return pose(told[:3, :3], told[:3, 3] + aside)

    def width(self, elapsed_s: float) -> float | None:
        """The width that the gripper goes to, m; None as long as it was told none.

        To be asked anew at every tick: slips and strays begin and end untold.
        """
        if self.told_m is None:
            return None
        if self.strays is not None and self.strays.now(elapsed_s) is not None:
            return 0.0
        if self.slips is not None:
            return self.slips.width(elapsed_s, self.told_m)
        return self.told_m


def _rng(seed: int, kind: int) -> np.random.Generator:
    return np.random.default_rng([seed, kind])
