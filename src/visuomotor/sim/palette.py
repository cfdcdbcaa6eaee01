"""Colours drawn by seed, and ones that stand out from others."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

RGB = tuple[float, float, float]
"""Red, green and blue, 0 to 1."""
_TRIES = 200


def draw_rgb(
    rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> RGB:
    """Any hue, saturation and value within these bounds."""
    return colorsys.hsv_to_rgb(
        float(rng.random()), float(rng.uniform(*saturation)), float(rng.uniform(*value))
    )


def distinct_rgb(
    rng: np.random.Generator,
    others: Sequence[ArrayLike],
    apart: float = 0.45,
    saturation: tuple[float, float] = (0.1, 0.95),
    value: tuple[float, float] = (0.25, 0.97),
) -> RGB:
    """A colour at least `apart` (distance in RGB) from all others, or the farthest of many."""
    drawn = [draw_rgb(rng, saturation, value)]
    while len(drawn) < _TRIES and _nearest(drawn[-1], others) < apart:
        drawn.append(draw_rgb(rng, saturation, value))
    return max(reversed(drawn), key=lambda rgb: min(_nearest(rgb, others), apart))


def _nearest(rgb: RGB, others: Sequence[ArrayLike]) -> float:
    distances = [float(np.linalg.norm(np.subtract(rgb, other))) for other in others]
    return min(distances, default=np.inf)
