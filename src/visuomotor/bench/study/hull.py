"""Convex hulls of the configurations that a policy was trained on, and what lies outside."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Starts = Sequence[Sequence[float]]
"""[x, y (m), yaw (rad)] each."""

VARIES_RAD = 0.01
"""A yaw that varies less is no axis of the hull."""
_TOLERANCE = 1e-7  # of the hull's extent along each axis


def outside_hull(training: Starts, starts: Starts) -> NDArray[np.bool_]:
    """Which of `starts` (N) lie outside the convex hull of `training` in (x, y, yaw).

    Yaw counts where it varies over less than a half turn in training: a heading that is always
    the same is no axis, and headings all around have no hull; then it is (x, y) alone. Every axis
    is scaled by its spread in training, which a hull does not depend on but the tolerance does.
    """
    frozen = tuple(map(tuple, training)), tuple(map(tuple, starts))
    return np.array(_outside(*frozen), bool)  # the same for every method: worth remembering


def uses_yaw(training: Starts) -> bool:
    """Whether yaw is an axis of the hull."""
    turns = _turns(training, training)
    spread = float(turns.max() - turns.min())
    return VARIES_RAD < spread < np.pi


def hull_2d(points: Float) -> Float:
    """The corners (K, 2) of the convex hull of points (N, 2), counterclockwise.

    Andrew's monotone chain; fewer than three corners for points on a line.
    """
    ordered = sorted(set(map(tuple, points.tolist())))
    if len(ordered) < 3:
        return np.array(ordered, float).reshape(-1, 2)
    halves = []
    for line in (ordered, ordered[::-1]):
        half: list[tuple[float, float]] = []
        for p in line:
            while len(half) >= 2 and _left_turn(half[-2], half[-1], p) <= 0:
                half.pop()
            half.append(p)
        halves += half[:-1]
    return np.array(halves)


def nearest_in_hull(points: Float) -> Float:
    """The point (D,) of the convex hull of points (N, D) that is nearest to the origin.

    Wolfe's algorithm (Finding the nearest point in a polytope, 1976), exact in finitely many
    steps: with the result x, x @ p >= x @ x for every point p, which proves it.
    """
    scale = float(np.abs(points).max()) ** 2 + 1e-300
    chosen = [int(np.argmin((points**2).sum(1)))]
    weights = np.ones(1)
    x: Float = points[chosen[0]]
    for _ in range(10 * len(points) + 100):  # rounding may make it turn in circles, at the goal
        x = weights @ points[chosen]
        along = points @ x
        best = int(np.argmin(along))
        if along[best] > x @ x - 1e-14 * scale or best in chosen:
            break
        chosen, weights = [*chosen, best], np.append(weights, 0.0)
        while True:
            affine = _affine_minimum(points[chosen])
            if (affine > 1e-12).all():
                weights = affine
                break
            down = affine <= 1e-12
            share = min(1.0, float((weights[down] / (weights[down] - affine[down])).min()))
            weights = share * affine + (1 - share) * weights
            keep = weights > 1e-12
            chosen = [c for c, k in zip(chosen, keep, strict=True) if k]
            weights = weights[keep] / weights[keep].sum()
    return x


@lru_cache(maxsize=256)
def _outside(
    training: tuple[tuple[float, ...], ...], starts: tuple[tuple[float, ...], ...]
) -> tuple[bool, ...]:
    known, asked = np.array(training)[:, :2], np.array(starts).reshape(-1, 3)[:, :2]
    if uses_yaw(training):
        known = np.column_stack([known, _turns(training, training)])
        asked = np.column_stack([asked, _turns(training, starts)])
    spread = known.max(0) - known.min(0)
    spread[spread == 0] = 1.0
    known, asked = known / spread, asked / spread
    return tuple(bool(np.linalg.norm(nearest_in_hull(known - q)) > _TOLERANCE) for q in asked)


def _turns(training: Starts, starts: Starts) -> Float:
    """Yaws (N,) relative to the mean heading in training, within -pi and pi."""
    yaws = np.array(training, float)[:, 2]
    mean = np.arctan2(np.sin(yaws).mean(), np.cos(yaws).mean())
    off = np.array(starts, float).reshape(-1, 3)[:, 2] - mean
    turns: Float = np.arctan2(np.sin(off), np.cos(off))
    return turns


def _affine_minimum(points: Float) -> Float:
    """Weights (N,), summing to 1, of the point nearest to the origin in the affine hull."""
    n = len(points)
    system = np.ones((n + 1, n + 1))
    system[0, 0] = 0.0
    system[1:, 1:] = points @ points.T
    right = np.zeros(n + 1)
    right[0] = 1.0
    solved: Float = np.asarray(np.linalg.lstsq(system, right, rcond=None)[0][1:], np.float64)
    return solved


def _left_turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
