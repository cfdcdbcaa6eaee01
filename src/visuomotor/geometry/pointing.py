"""Where a hand points: azimuth and elevation, and the rotation of its frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visuomotor.geometry.se3 import matrix_from_rotvec

Array = NDArray[np.float64]

LEVELLED_RAD, STEEP_RAD = np.deg2rad(55.0), np.deg2rad(80.0)
"""Up to which elevation `level` levels, and from which it does nothing."""


def hand_rotation(azimuth: ArrayLike, elevation: ArrayLike) -> Array:
    """Rotation (..., 3, 3) of a hand whose fingers close horizontally, from angles (...) in rad.

    Its z points where the hand does, along (cos e cos a, cos e sin a, -sin e); its fingers close
    along y; at elevation 0 its x points down.
    """
    a, e = np.broadcast_arrays(np.asarray(azimuth, float), np.asarray(elevation, float))
    zero = np.zeros_like(a)
    about_y = matrix_from_rotvec(np.stack([zero, e + np.pi / 2, zero], -1))
    result: Array = matrix_from_rotvec(np.stack([zero, zero, a], -1)) @ about_y
    return result


def hand_angles(rotation: Array) -> tuple[Array, Array]:
    """Azimuth in [-pi, pi] and elevation (...) in rad of hands' rotations (..., 3, 3)."""
    z = rotation[..., :, 2]
    return np.arctan2(z[..., 1], z[..., 0]), -np.arcsin(np.clip(z[..., 2], -1.0, 1.0))


def level(rotation: Array) -> Array:
    """The same hands (..., 3, 3), turned about where they point until their fingers close level.

    The steeper a hand points, the less that means, and the less it is turned: up to LEVELLED_RAD
    it is `hand_rotation` of its angles, from STEEP_RAD on it stays as it is.
    """
    azimuth, elevation = hand_angles(rotation)
    turn = np.swapaxes(hand_rotation(azimuth, elevation), -1, -2) @ rotation
    roll = np.arctan2(turn[..., 1, 0], turn[..., 0, 0])
    steep = (np.abs(elevation) - LEVELLED_RAD) / (STEEP_RAD - LEVELLED_RAD)
    s = np.clip(steep, 0.0, 1.0)
    back = -roll * (1.0 - s * s * (3.0 - 2.0 * s))
    zero = np.zeros_like(back)
    result: Array = rotation @ matrix_from_rotvec(np.stack([zero, zero, back], -1))
    return result
