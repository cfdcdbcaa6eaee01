"""The mean of poses: of their positions, and of their rotations along geodesics."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.geometry.se3 import Array, apply_delta, pose_delta

_ITERATIONS, _CLOSE_RAD = 20, 1e-12


def mean_pose(poses: ArrayLike, weights: ArrayLike) -> Array:
    """The weighted mean (4, 4) of poses (N, 4, 4); weights (N,) are positive.

    Its rotation is the one from which the weighted rotation vectors to all sum to zero (Karcher's
    mean): unique where the rotations lie within 90° of one another.
    """
    T, share = np.asarray(poses, float), np.asarray(weights, float)
    share = share / share.sum()
    mean: Array = T[int(np.argmax(share))]
    for _ in range(_ITERATIONS):
        step = share @ pose_delta(mean, T)
        mean = apply_delta(mean, step)
        if np.abs(step[3:]).max() < _CLOSE_RAD:
            break
    return mean
