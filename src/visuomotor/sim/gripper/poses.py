"""Where a hand points: azimuth and elevation, and the rotation of its frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visuomotor.geometry import matrix_from_rotvec

Float64 = NDArray[np.float64]

ALONG_X = matrix_from_rotvec([0.0, np.pi / 2, 0.0])
"""Of a cylinder in the hand: its axis is the hand's x, across fingers and palm."""


def hand_rotation(azimuth: ArrayLike, elevation: ArrayLike) -> Float64:
    """Rotation (..., 3, 3) of a hand whose fingers close horizontally, from angles (...) in rad.

    Its z points where the hand does, along (cos e cos a, cos e sin a, -sin e); its fingers close
    along y; at elevation 0 its x points down.
    """
    a, e = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(elevation, float))
    zero = np.zeros_like(a)
    about_y = matrix_from_rotvec(np.stack([zero, e + np.pi / 2, zero], -1))
    return matrix_from_rotvec(np.stack([zero, zero, a], -1)) @ about_y


def hand_angles(rotation: Float64) -> tuple[Float64, Float64]:
    """Azimuth in [-pi, pi] and elevation (...) in rad of hands' rotations (..., 3, 3)."""
    z = rotation[..., :, 2]
    return np.arctan2(z[..., 1], z[..., 0]), -np.arcsin(np.clip(z[..., 2], -1.0, 1.0))
