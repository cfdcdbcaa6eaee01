"""Noise on the robot's state, from which a policy learns to come back to where it should be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.geometry import apply_delta


def disturbed(
    T_base_ee: NDArray[np.float64],
    position_m: float,
    rotation_rad: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Poses (..., 4, 4) of the hand moved by normal noise of these standard deviations per axis."""
    shape = (*T_base_ee.shape[:-2], 3)
    moves = (rng.normal(0, position_m, shape), rng.normal(0, rotation_rad, shape))
    return apply_delta(T_base_ee, np.concatenate(moves, axis=-1))
