"""Where training episodes begin: near the object at first, then from ever farther around.

Petrik et al. 2020, section 5.2, after automatic domain randomisation (Akkaya et al. 2019), but by
the number of updates alone. Orientations widen as in the paper; positions widen to the hard
benchmark's ranges, as bounds do in automatic domain randomisation. The paper's Gaussian about the
demonstrations' starts leaves those ranges: in the actions with two objects at most a quarter of
starts would lie in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.gripper import BENCHMARKS, GripperWorlds, Starts

Float64 = NDArray[np.float64]

AZIMUTH_RAD, ELEVATION_RAD = 2 * np.pi, np.deg2rad(80.0)
HEIGHTS_M, RADII_M, PLACE_M = (0.04, 0.10), (0.04, 0.05), 1e-3
AROUND = BENCHMARKS["hard"]
"""What positions widen to."""
_RAISED_M, _TRIES = 0.01, 50
_LATER = 200


@dataclass(frozen=True)
class Curriculum:
    """How far starts are spread, growing from the first update to the last.

    Azimuths are drawn evenly within 360° times a scale about the camera's heading, elevations
    within 80° times it; the scale is `orientation` at first, grows by `orientation_gain` in every
    update, and ends at 1. Positions are drawn about where demonstrations begin, with a standard
    deviation of `jitter_m` along each axis, and evenly from the ranges AROUND; the start lies
    between the two, at `position` of the way to the latter. That share grows by `position_gain`
    from update `position_from` on (None: at once in actions with two objects, whose demonstrations
    begin outside of AROUND, else from 200 on), and ends at 1. at: what counts as 1000 updates, so
    that a shorter training sees the same, faster (None: 1000 of them). fixed: nothing grows,
    orientations are drawn from all: the paper's figure 4 without curriculum.
    """

    orientation: float = 0.01
    orientation_gain: float = 0.004
    position: float = 0.0
    position_gain: float = 0.002
    position_from: int | None = None
    jitter_m: float = 0.005
    at: int | None = None
    fixed: bool = False

    def __post_init__(self) -> None:
        since = self.position_from or 0
        amounts = (self.orientation_gain, self.position_gain, since, self.jitter_m)
        shares = (self.orientation, self.position)
        if min(amounts) < 0 or min(shares) < 0 or max(shares) > 1 or (self.at or 1) < 1:
            raise ValueError(
                f"curriculum: got orientation {self.orientation}, position {self.position}, gains "
                f"{self.orientation_gain} and {self.position_gain}, position_from "
                f"{self.position_from}, jitter_m {self.jitter_m}, at {self.at}; expected nothing "
                "negative, orientation and position at most 1, at 1 or more"
            )

    def spread(self, update: int, two: bool = False) -> tuple[float, float]:
        """The scale of orientations and the share of positions' ranges, both 0 to 1.

        two: in an action with two objects.
        """
        if self.fixed:
            return 1.0, self.position
        n = update * 1000 / self.at if self.at else float(update)
        since = (0 if two else _LATER) if self.position_from is None else self.position_from
        position = self.position + self.position_gain * max(0.0, n - since)
        return min(self.orientation + self.orientation_gain * n, 1.0), min(position, 1.0)

    def draw(self, n: int, update: int, beginnings: Float64, rng: np.random.Generator) -> Starts:
        """Draws n starts, some of which may collide.

        beginnings (D, 3) m: where demonstrations have the object that is in the hand; its height
        counts from where it rests. With D = 0 the hand begins about the first object.
        """
        scale, share = self.spread(update, two=len(beginnings) > 0)
        heights, radii = rng.uniform(*HEIGHTS_M, (n, 2)), rng.uniform(*RADII_M, (n, 2))
        near = rng.normal(0.0, self.jitter_m, (n, 3))
        near[:, 2] += heights[:, 1 if len(beginnings) else 0] / 2
        if len(beginnings):
            near += beginnings[rng.integers(len(beginnings), size=n)]
        low, high = np.array([AROUND.x, AROUND.y, AROUND.z]).T
        return Starts(
            rng.uniform(-1.0, 1.0, n) * AZIMUTH_RAD * scale + np.pi / 2,
            rng.uniform(-1.0, 1.0, n) * ELEVATION_RAD * scale,
            (1 - share) * near + share * rng.uniform(low, high, (n, 3)),
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
    ) -> Starts:
        """Resets these worlds to starts in which nothing collides, and returns them.

        A hand that would collide begins higher, by as many centimetres as it takes (after 50 it may
        collide): with other sizes or angles drawn instead, low objects would seldom be met.
        """
        starts = self.draw(len(which), update, beginnings, rng)
        worlds.reset(starts, rng, which)
        for _ in range(_TRIES):
            hit = np.flatnonzero(worlds.colliding(which))
            if not len(hit):
                break
            starts.position[hit, 2] += _RAISED_M
            worlds.reset(starts.take(hit), rng, which[hit])
        return starts
