"""A first estimate in closed form: where the board and a camera are fixed to the arm's world."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import pose


def hand_eye(M: Sequence[Float64], C: Sequence[Float64]) -> tuple[Float64, Float64]:
    """Y and X (4, 4) with M_i Y = X C_i as nearly as can be, from N >= 3 pairs (4, 4).

    M_i: the pose of the board's parent in the camera's parent, by the arm. C_i: the board's pose
    in the camera. Y: the board in its parent. X: the camera in its parent. Rotations by the null
    vector of the stacked Kronecker products (Shah 2013), then positions by least squares.
    """
    eye = np.eye(3)
    rows = [
        np.hstack([np.kron(eye, m[:3, :3]), -np.kron(c[:3, :3].T, eye)])
        for m, c in zip(M, C, strict=True)
    ]
    null = np.linalg.svd(np.vstack(rows))[2][-1]
    R_Y, R_X = _rotation(null[:9]), _rotation(null[9:])
    A = np.vstack([np.hstack([m[:3, :3], -eye]) for m in M])
    b = np.concatenate([R_X @ c[:3, 3] - m[:3, 3] for m, c in zip(M, C, strict=True)])
    t = np.linalg.lstsq(A, b, rcond=None)[0]
    return pose(R_Y, t[:3]), pose(R_X, t[3:])


def mean_pose(poses: Sequence[Float64]) -> Float64:
    """The pose (4, 4) amid several: chordal mean of the rotations, median of the positions."""
    stack = np.stack(poses)
    return pose(_nearest(stack[:, :3, :3].sum(0)), np.median(stack[:, :3, 3], axis=0))


def _rotation(column_major: Float64) -> Float64:
    """The rotation nearest to 9 numbers, of which neither scale nor sign is known."""
    M = column_major.reshape(3, 3, order="F")
    return _nearest(M if np.linalg.det(M) > 0 else -M)


def _nearest(M: Float64) -> Float64:
    U, _, Vt = np.linalg.svd(M)
    R: Float64 = U @ np.diag([1.0, 1.0, np.linalg.det(U @ Vt)]) @ Vt
    return R
