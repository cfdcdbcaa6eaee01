"""Cubic B-splines in time: a few knots instead of a free state per frame."""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import Float64


def spline_basis(frames: int, knots: int) -> Float64:
    """(T, K): weights of K control points for T frames; each row sums to 1.

    Uniform cubic B-spline whose control points reach half a span past both ends.
    """
    knots = max(4, min(knots, frames))
    where = np.linspace(0.0, knots - 3, frames)
    first = np.minimum(where.astype(int), knots - 4)
    u = where - first
    weights = np.stack(
        (
            (1 - u) ** 3,
            3 * u**3 - 6 * u**2 + 4,
            -3 * u**3 + 3 * u**2 + 3 * u + 1,
            u**3,
        ),
        axis=1,
    )
    basis = np.zeros((frames, knots))
    for k in range(4):
        basis[np.arange(frames), first + k] = weights[:, k] / 6.0
    return basis


def fit_knots(basis: Float64, values: Float64, weights: Float64, smooth: float = 0.1) -> Float64:
    """(K, D) control points whose spline passes near values (T, D), where weights (T,) are not 0.

    Second differences of the control points are held small, so gaps are filled smoothly.
    """
    count = basis.shape[1]
    bend = np.diff(np.eye(count), n=2, axis=0)
    stretch = np.diff(np.eye(count), n=1, axis=0)
    known = np.where(weights[:, None] > 0, values, 0.0)
    normal = basis.T @ (weights[:, None] * basis) + smooth * bend.T @ bend
    normal += 0.1 * smooth * stretch.T @ stretch + 1e-9 * np.eye(count)
    found: Float64 = np.linalg.solve(normal, basis.T @ (weights[:, None] * known))
    return found
