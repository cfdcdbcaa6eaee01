"""Where training episodes begin: near the object at first, then from ever farther around.

Petrik et al. 2020, section 5.2, after automatic domain randomisation (Akkaya et al. 2019), but by
the number of updates alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.gripper import GripperWorlds, Starts

Float64 = NDArray[np.float64]

AZIMUTH_RAD, ELEVATION_RAD = 2 * np.pi, np.deg2rad(80.0)
HEIGHTS_M, RADII_M, PLACE_M = (0.04, 0.10), (0.04, 0.05), 1e-3
_TRIES = 200


@dataclass(frozen=True)
class Curriculum:
    """How far starts are spread, growing from the first update to the last.

    Azimuths are drawn evenly within 360° times a scale about the camera's heading, elevations
    within 80° times it; the scale is `orientation` at first, grows by `orientation_gain` in every
    update, and ends at 1. Positions have a standard deviation of `position_m` along each axis,
    which grows by `position_gain_m` from update `position_from` on, to `position_most_m`. at: what
    counts as 1000 updates, so that a shorter training sees the same, faster (None: 1000 of them).
    fixed: nothing grows, orientations are drawn from all: the paper's figure 4 without curriculum.
    """

    orientation: float = 0.01
    orientation_gain: float = 0.004
    position_m: float = 0.005
    position_gain_m: float = 0.0005
    position_from: int = 500
    position_most_m: float = 0.25
    at: int | None = None
    fixed: bool = False

    def __post_init__(self) -> None:
        amounts = (self.orientation_gain, self.position_m, self.position_gain_m, self.position_from)
        if min(amounts) < 0 or not 0 <= self.orientation <= 1 or (self.at or 1) < 1:
            raise ValueError(
                f"curriculum: got orientation {self.orientation}, position_m {self.position_m}, "
                f"gains {self.orientation_gain} and {self.position_gain_m}, position_from "
                f"{self.position_from}, at {self.at}; expected nothing negative, orientation at "
                "most 1, at 1 or more"
            )

    def spread(self, update: int) -> tuple[float, float]:
        """The scale of orientations, 0 to 1, and the standard deviation of positions in m."""
        if self.fixed:
            return 1.0, self.position_m
        n = update * 1000 / self.at if self.at else float(update)
        position = self.position_m + self.position_gain_m * max(0.0, n - self.position_from)
        scale = min(self.orientation + self.orientation_gain * n, 1.0)
        return scale, min(position, max(self.position_most_m, self.position_m))

    def draw(self, n: int, update: int, beginnings: Float64, rng: np.random.Generator) -> Starts:
        """Draws n starts, some of which may collide.

        beginnings (D, 3) m: where demonstrations have the object that is in the hand; its height
        counts from where it rests. With D = 0 the hand begins about the first object.
        """
        scale, spread = self.spread(update)
        heights, radii = rng.uniform(*HEIGHTS_M, (n, 2)), rng.uniform(*RADII_M, (n, 2))
        position = rng.normal(0.0, spread, (n, 3))
        position[:, 2] += heights[:, 0] / 2
        if len(beginnings):
            position += beginnings[rng.integers(len(beginnings), size=n)]
        return Starts(
            rng.uniform(-1.0, 1.0, n) * AZIMUTH_RAD * scale + np.pi / 2,
            rng.uniform(-1.0, 1.0, n) * ELEVATION_RAD * scale,
            position,
            rng.normal(0.0, PLACE_M, (n, 2)),
            heights,
            radii,
        )

    def begin(
        self,
        worlds: GripperWorlds,
        which: NDArray[np.int64],
        update: int,
        beginnings: Float64,
        rng: np.random.Generator,
    ) -> None:
        """Resets these worlds to starts in which nothing collides (or, after 200 tries, to any)."""
        for _ in range(_TRIES):
            worlds.reset(self.draw(len(which), update, beginnings, rng), rng, which)
            which = which[worlds.colliding(which)]
            if not len(which):
                return
