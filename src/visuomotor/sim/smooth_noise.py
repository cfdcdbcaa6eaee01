"""Random values that change smoothly: how a hand sways, how a person's pace varies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SmoothNoise:
    """Normal values (N, D) at knots, knot_s apart, joined without a jump in value or slope.

    The joints are weighted so that the values between the knots are as far spread as theirs.
    """

    knots: NDArray[np.float64]
    knot_s: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, dimensions: int, knot_s: float, until_s: float
    ) -> SmoothNoise:
        """Standard normal knots until `until_s`; later the values begin again."""
        count = int(until_s / knot_s) + 2
        return cls(rng.standard_normal((count, dimensions)), knot_s)

    def at(self, elapsed_s: float) -> NDArray[np.float64]:
        """The values (D,) at a time >= 0."""
        place = elapsed_s / self.knot_s
        i = int(place)
        share = place - i
        ease = share * share * (3.0 - 2.0 * share)
        n = len(self.knots)
        weights = np.array([1.0 - ease, ease])
        weights /= np.linalg.norm(weights)
        value: NDArray[np.float64] = weights @ self.knots[[i % n, (i + 1) % n]]
        return value
