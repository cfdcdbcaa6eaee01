"""One rotation at a time in plain floats: a fraction of NumPy's time on a (3, 3) matrix.

The control loop works on single poses at 100 Hz, where NumPy's cost per call is all there is.
`se3` calls these for arrays without leading dimensions.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Quaternion = tuple[float, float, float, float]


def quat_xyzw(rotation: Array) -> Quaternion:
    """The unit quaternion of a rotation (3, 3), by the form with the largest divisor."""
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = rotation.tolist()
    squares = (1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22, 1 + m00 + m11 + m22)
    largest = max(squares)
    if math.isnan(largest):
        return (math.nan,) * 4
    if largest == squares[0]:
        x, y, z, w = largest, m10 + m01, m20 + m02, m21 - m12
    elif largest == squares[1]:
        x, y, z, w = m10 + m01, largest, m21 + m12, m02 - m20
    elif largest == squares[2]:
        x, y, z, w = m20 + m02, m21 + m12, largest, m10 - m01
    else:
        x, y, z, w = m21 - m12, m02 - m20, m10 - m01, largest
    size = math.sqrt(x * x + y * y + z * z + w * w)
    return x / size, y / size, z / size, w / size


def rotvec(rotation: Array) -> Array:
    """The rotation vector (3,) in rad of a rotation (3, 3)."""
    x, y, z, w = quat_xyzw(rotation)
    if w < 0:
        x, y, z, w = -x, -y, -z, -w
    size = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 if size < 1e-12 else 2.0 * math.atan2(size, w) / size
    return np.array([x * scale, y * scale, z * scale])


def matrix_of_quat(quaternion: Array) -> Array:
    """The rotation (3, 3) of a quaternion (4,) in the order x, y, z, w, normalised or not."""
    x, y, z, w = quaternion.tolist()
    size = math.sqrt(x * x + y * y + z * z + w * w)
    if size == 0:
        return np.full((3, 3), np.nan)
    x, y, z, w = x / size, y / size, z / size, w / size
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def matrix_of_rotvec(vector: Array) -> Array:
    """The rotation (3, 3) of a rotation vector (3,) in rad (Rodrigues)."""
    x, y, z = vector.tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    if not math.isfinite(angle):
        return np.full((3, 3), np.nan)
    half = 0.5 * angle
    a = math.sin(angle) / angle if angle > 0 else 1.0
    b = 0.5 * (math.sin(half) / half) ** 2 if half > 0 else 0.5
    return np.array(
        [
            [1 - b * (y * y + z * z), b * x * y - a * z, b * x * z + a * y],
            [b * x * y + a * z, 1 - b * (x * x + z * z), b * y * z - a * x],
            [b * x * z - a * y, b * y * z + a * x, 1 - b * (x * x + y * y)],
        ]
    )


def is_pose(T: Array, tolerance: float) -> bool:
    """Whether T (4, 4) is finite, its rotation right-handed and orthonormal."""
    (a, b, c, px), (d, e, f, py), (g, h, i, pz), (w0, w1, w2, w3) = T.tolist()
    if not math.isfinite(px + py + pz):
        return False
    off = (
        a * a + b * b + c * c - 1,
        d * d + e * e + f * f - 1,
        g * g + h * h + i * i - 1,
        a * d + b * e + c * f,
        a * g + b * h + c * i,
        d * g + e * h + f * i,
    )
    # `all` of comparisons that a NaN fails; a maximum would hide it
    return (
        all(-tolerance < v < tolerance for v in off)
        and (b * f - c * e) * g + (c * d - a * f) * h + (a * e - b * d) * i > 0
        and all(-1e-6 < v < 1e-6 for v in (w0, w1, w2, w3 - 1))
    )
