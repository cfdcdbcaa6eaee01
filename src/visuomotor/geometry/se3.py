"""Rigid transforms as homogeneous matrices; quaternions say their order in the name."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visuomotor.geometry import single

Array = NDArray[np.float64]


def pose(rotation: ArrayLike | None = None, position: ArrayLike | None = None) -> Array:
    """T (..., 4, 4) from a rotation (..., 3, 3) and a position (..., 3) in metres."""
    R = np.eye(3) if rotation is None else np.asarray(rotation, float)
    p = np.zeros(3) if position is None else np.asarray(position, float)
    one = R.ndim == 2 and p.ndim == 1
    T = np.zeros((4, 4) if one else (*np.broadcast_shapes(R.shape[:-2], p.shape[:-1]), 4, 4))
    T[..., :3, :3] = R
    T[..., :3, 3] = p
    T[..., 3, 3] = 1.0
    return T


def inverse(T: ArrayLike) -> Array:
    """The inverse of rigid transforms (..., 4, 4)."""
    T = np.asarray(T, float)
    Rt = np.swapaxes(T[..., :3, :3], -1, -2)
    return pose(Rt, -(Rt @ T[..., :3, 3:])[..., 0])


def transform_points(T: ArrayLike, points: ArrayLike) -> Array:
    """Points (..., 3) through one transform (4, 4): p_a = T_a_b p_b."""
    T = np.asarray(T, float)
    result: Array = np.asarray(points, float) @ T[:3, :3].T + T[:3, 3]
    return result


def matrix_from_rotvec(rotvec: ArrayLike) -> Array:
    """Rotation (..., 3, 3) from a rotation vector (..., 3) in rad (Rodrigues)."""
    w = np.asarray(rotvec, float)
    if w.ndim == 1:
        return single.matrix_of_rotvec(w)
    angle = np.linalg.norm(w, axis=-1)[..., None, None]
    K = np.zeros((*w.shape[:-1], 3, 3))
    K[..., 0, 1], K[..., 0, 2], K[..., 1, 2] = -w[..., 2], w[..., 1], -w[..., 0]
    K[..., 1, 0], K[..., 2, 0], K[..., 2, 1] = w[..., 2], -w[..., 1], w[..., 0]
    a = np.sinc(angle / np.pi)  # sin(angle) / angle
    b = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2  # (1 - cos(angle)) / angle²
    result: Array = np.eye(3) + a * K + b * (K @ K)
    return result


def rotvec_from_matrix(rotation: ArrayLike) -> Array:
    """Rotation vector (..., 3) in rad, of length at most pi, from (..., 3, 3)."""
    R = np.asarray(rotation, float)
    if R.ndim == 2:
        return single.rotvec(R)
    q = quat_xyzw_from_matrix(R)
    q = np.where(q[..., 3:] < 0, -q, q)
    length = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(length, q[..., 3:])
    small = length < 1e-12
    scale = np.where(small, 2.0, angle / np.where(small, 1.0, length))
    result: Array = q[..., :3] * scale
    return result


def matrix_from_quat_xyzw(quat_xyzw: ArrayLike) -> Array:
    """Rotation (..., 3, 3) from quaternions (..., 4), which need not be normalised."""
    q = np.asarray(quat_xyzw, float)
    if q.ndim == 1:
        return single.matrix_of_quat(q)
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    x, y, z, w = np.moveaxis(q, -1, 0)
    R = np.empty((*q.shape[:-1], 3, 3))
    R[..., 0, 0], R[..., 0, 1], R[..., 0, 2] = (
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
    )
    R[..., 1, 0], R[..., 1, 1], R[..., 1, 2] = (
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
    )
    R[..., 2, 0], R[..., 2, 1], R[..., 2, 2] = (
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    )
    return R


def quat_xyzw_from_matrix(rotation: ArrayLike) -> Array:
    """Unit quaternions (..., 4) from rotations (..., 3, 3); stable at every angle.

    Of the four equivalent forms the one with the largest divisor is taken (Shepperd 1978).
    """
    R = np.asarray(rotation, float)
    if R.ndim == 2:
        return np.array(single.quat_xyzw(R))
    m00, m11, m22 = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    squares = np.stack(
        [1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22, 1 + m00 + m11 + m22], -1
    )
    xy, xz, yz = (
        R[..., 1, 0] + R[..., 0, 1],
        R[..., 2, 0] + R[..., 0, 2],
        R[..., 2, 1] + R[..., 1, 2],
    )
    xw, yw, zw = (
        R[..., 2, 1] - R[..., 1, 2],
        R[..., 0, 2] - R[..., 2, 0],
        R[..., 1, 0] - R[..., 0, 1],
    )
    forms = np.stack(
        [
            np.stack([squares[..., 0], xy, xz, xw], -1),
            np.stack([xy, squares[..., 1], yz, yw], -1),
            np.stack([xz, yz, squares[..., 2], zw], -1),
            np.stack([xw, yw, zw, squares[..., 3]], -1),
        ],
        -2,
    )
    best = np.argmax(squares, axis=-1)
    q = np.take_along_axis(forms, best[..., None, None], axis=-2)[..., 0, :]
    result: Array = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return result


def pose_from_quat_xyzw(position: ArrayLike, quat_xyzw: ArrayLike) -> Array:
    """T (..., 4, 4) from a position (..., 3) in metres and a quaternion (..., 4)."""
    return pose(matrix_from_quat_xyzw(quat_xyzw), position)


def rotation_angle(rotation: ArrayLike) -> Array:
    """The angle in rad, 0 to pi, of rotations (..., 3, 3)."""
    result: Array = np.linalg.norm(rotvec_from_matrix(rotation), axis=-1)
    return result


def pose_delta(T_from: ArrayLike, T_to: ArrayLike) -> Array:
    """The delta (..., 6) = (dx, dy, dz, rx, ry, rz) that carries one pose to another.

    Translation in m and rotation vector in rad, both along the axes of the common (base)
    frame: p_to = p_from + d, R_to = exp(r) R_from. This is the action space of the networks.
    """
    A, B = np.asarray(T_from, float), np.asarray(T_to, float)
    r = rotvec_from_matrix(B[..., :3, :3] @ np.swapaxes(A[..., :3, :3], -1, -2))
    return np.concatenate([B[..., :3, 3] - A[..., :3, 3], r], axis=-1)


def apply_delta(T_from: ArrayLike, delta: ArrayLike) -> Array:
    """The inverse of `pose_delta`: T_to (..., 4, 4) from T_from and a delta (..., 6)."""
    A, d = np.asarray(T_from, float), np.asarray(delta, float)
    return pose(matrix_from_rotvec(d[..., 3:]) @ A[..., :3, :3], A[..., :3, 3] + d[..., :3])


def interpolate_pose(T0: ArrayLike, T1: ArrayLike, alpha: float) -> Array:
    """The pose at `alpha` (0: T0, 1: T1): straight line and shortest rotation."""
    return apply_delta(T0, alpha * pose_delta(T0, T1))


def is_pose(T: ArrayLike, tolerance: float = 1e-3) -> bool:
    """Whether T is one finite (4, 4) rigid transform with a right-handed rotation."""
    T = np.asarray(T, float)
    return T.shape == (4, 4) and single.is_pose(T, tolerance)
