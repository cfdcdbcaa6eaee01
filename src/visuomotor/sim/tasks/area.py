"""Where on the table an object starts: the regions that every task has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.config import Region

REGIONS: tuple[str, ...] = get_args(Region)


@dataclass(frozen=True)
class Area:
    """A rectangle and a wider one around the same centre; metres, x and y in base.

    Region `interpolation`: uniform in the rectangle. `gaussian`: in the same rectangle, but from
    a Gaussian about its centre (sigma_m), truncated to it: few demonstrations near its edge.
    `extrapolation`: uniform in the wider rectangle outside the inner one.
    """

    centre_m: tuple[float, float]
    half_m: tuple[float, float]
    outer_half_m: tuple[float, float]
    sigma_m: tuple[float, float]

    def draw(self, rng: np.random.Generator, region: str) -> NDArray[np.float64]:
        """(2,) x and y; ConfigError for a region that does not exist."""
        if region not in REGIONS:
            raise ConfigError(unknown_name("region", region, REGIONS))
        while True:
            if region == "gaussian":
                drawn = rng.normal(0.0, self.sigma_m)
            else:
                half = np.array(self.half_m if region == "interpolation" else self.outer_half_m)
                drawn = rng.uniform(-half, half)
            inside = bool((np.abs(drawn) <= self.half_m).all())
            if inside != (region == "extrapolation"):
                return np.add(self.centre_m, drawn)
