"""All cameras and the board at once, by damped Gauss-Newton on the reprojection error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visuomotor.calibration.views import BoardOn, View
from visuomotor.contracts import Float64
from visuomotor.geometry import inverse, matrix_from_rotvec, pose, transform_points

ITERATIONS = 60
CONVERGED = 1e-10
HUBER = 1.345
"""In standard deviations: 95 % of least squares' precision on clean corners (Huber 1964)."""
LEAST_SIGMA_PX = 0.02
MAD = 1.4826


@dataclass(frozen=True)
class Estimate:
    """cameras: T_parent_camera by name. board: T_parent_board. scale: true size / stated size."""

    cameras: Mapping[str, Float64]
    board: Float64
    scale: float = 1.0


@dataclass(frozen=True)
class Refined:
    """The estimate, its residuals and how sure it is.

    residuals_px: per view (N, 2). covariance: of (v, w) of each camera in turn and of the board,
    each in its own axes (m, rad), and of log(scale) where it was free.
    """

    estimate: Estimate
    residuals_px: Sequence[Float64]
    covariance: Float64

    def deviation(self, camera: str) -> tuple[float, float]:
        """Standard deviations of a camera's position in m and rotation in rad."""
        i = 6 * list(self.estimate.cameras).index(camera)
        variance = np.diag(self.covariance)
        return float(np.sqrt(variance[i : i + 3].sum())), float(
            np.sqrt(variance[i + 3 : i + 6].sum())
        )

    @property
    def scale_deviation(self) -> float:
        """Standard deviation of log(scale), where it was free."""
        return float(np.sqrt(self.covariance[-1, -1]))


class Problem:
    """Reprojection of the board's corners into every view."""

    def __init__(
        self, views: Sequence[View], corners: Float64, board_on: BoardOn, free_scale: bool = False
    ) -> None:
        self._views = views
        self._corners = corners
        self._moves = [v.T_mount_parent(board_on) for v in views]
        self._names = list(dict.fromkeys(v.name for v in views))
        self._free_scale = free_scale
        self._size = 6 * (len(self._names) + 1) + free_scale

    def refine(self, start: Estimate) -> Refined:
        """The robust optimum near `start` (Levenberg's damping, Huber's loss)."""
        estimate, damping = start, 1e-6
        residuals, jacobians = self._linearise(estimate)
        cost, weights = _huber(residuals)
        for _ in range(ITERATIONS):
            H, g = _normal(residuals, jacobians, weights)
            damped = H + damping * np.diag(np.diag(H))
            step = np.asarray(np.linalg.lstsq(damped, -g, rcond=None)[0], np.float64)
            moved = self._moved(estimate, step)
            new_residuals, new_jacobians = self._linearise(moved)
            sigma = _sigma(residuals)
            new_cost, new_weights = _huber(new_residuals, sigma)
            cost = _huber(residuals, sigma)[0]
            if new_cost <= cost:
                estimate, residuals, jacobians = moved, new_residuals, new_jacobians
                weights, damping = new_weights, max(damping / 10, 1e-12)
                if float(np.abs(step).max()) < CONVERGED:
                    break
            else:
                damping = max(damping, 1e-9) * 10
                if damping > 1e6:
                    break
        return Refined(estimate, residuals, self._covariance(residuals, jacobians))

    def _linearise(self, at: Estimate) -> tuple[list[Float64], list[Float64]]:
        """Per view the residuals (N, 2) and their derivatives (N, 2, size)."""
        residuals, jacobians = [], []
        for view, move in zip(self._views, self._moves, strict=True):
            p = self._corners[view.detection.ids] * at.scale
            T = inverse(at.cameras[view.name]) @ move @ at.board
            q = transform_points(T, p)
            z = np.maximum(q[:, 2], 1e-3)  # a corner behind the camera is far off, not undefined
            camera = view.camera
            seen = np.stack(
                [camera.fx * q[:, 0] / z + camera.cx, camera.fy * q[:, 1] / z + camera.cy], axis=1
            )
            residuals.append(seen - view.detection.pixels)
            slope = np.zeros((len(p), 2, 3))
            slope[:, 0, 0], slope[:, 1, 1] = camera.fx / z, camera.fy / z
            slope[:, 0, 2] = -camera.fx * q[:, 0] / z**2
            slope[:, 1, 2] = -camera.fy * q[:, 1] / z**2
            J = np.zeros((len(p), 2, self._size))
            i, b = 6 * self._names.index(view.name), 6 * len(self._names)
            J[:, :, i : i + 3] = -slope
            J[:, :, i + 3 : i + 6] = slope @ _cross(q)
            turned = slope @ T[:3, :3]
            J[:, :, b : b + 3] = turned
            J[:, :, b + 3 : b + 6] = -turned @ _cross(p)
            if self._free_scale:
                J[:, :, -1] = (turned @ p[:, :, None])[..., 0]
            jacobians.append(J)
        return residuals, jacobians

    def _moved(self, at: Estimate, step: Float64) -> Estimate:
        """The estimate after a step: (v, w) of each pose in its own axes, then log(scale)."""
        parts = step[: 6 * (len(self._names) + 1)].reshape(-1, 6)
        cameras = {
            name: at.cameras[name] @ _exp(d) for name, d in zip(self._names, parts, strict=False)
        }
        scale = at.scale * float(np.exp(step[-1])) if self._free_scale else at.scale
        return replace(at, cameras=cameras, board=at.board @ _exp(parts[-1]), scale=scale)

    def _covariance(self, residuals: list[Float64], jacobians: list[Float64]) -> Float64:
        """The larger of two: as if every corner erred alone, and as if whole views erred.

        A view's corners share the error of the arm's pose, which counting corners would hide.
        """
        _, weights = _huber(residuals)
        H, _ = _normal(residuals, jacobians, weights)
        inverse_H = np.asarray(np.linalg.pinv(H), np.float64)
        alone: Float64 = inverse_H * _sigma(residuals) ** 2
        gradients = np.stack(
            [
                np.einsum("nkp,nk,n->p", J, r, w)
                for r, J, w in zip(residuals, jacobians, weights, strict=True)
            ]
        )
        views = len(residuals)
        factor = views / max(views - self._size / 2, 1.0)  # 6 numbers settle a pose, twice
        shared: Float64 = inverse_H @ (gradients.T @ gradients) @ inverse_H * factor
        return alone if np.trace(alone) > np.trace(shared) else shared


def _sigma(residuals: Sequence[Float64]) -> float:
    lengths = np.concatenate([r.ravel() for r in residuals])
    return max(MAD * float(np.median(np.abs(lengths))), LEAST_SIGMA_PX)


def _huber(residuals: Sequence[Float64], sigma: float | None = None) -> tuple[float, list[Float64]]:
    """The cost, and every corner's weight (N,)."""
    bound = HUBER * (sigma or _sigma(residuals))
    cost, weights = 0.0, []
    for r in residuals:
        length = np.linalg.norm(r, axis=1)
        inside = length <= bound
        cost += float(np.where(inside, 0.5 * length**2, bound * (length - 0.5 * bound)).sum())
        weights.append(np.where(inside, 1.0, bound / np.maximum(length, 1e-12)))
    return cost, weights


def _normal(
    residuals: Sequence[Float64], jacobians: Sequence[Float64], weights: Sequence[Float64]
) -> tuple[Float64, Float64]:
    w = np.sqrt(np.repeat(np.concatenate(weights), 2))
    r = np.concatenate([x.reshape(-1) for x in residuals]) * w
    J = np.concatenate([x.reshape(-1, x.shape[-1]) for x in jacobians]) * w[:, None]
    return J.T @ J, J.T @ r


def _cross(points: Float64) -> NDArray[np.float64]:
    """Matrices (N, 3, 3) that take the cross product of points (N, 3) with what follows."""
    K = np.zeros((len(points), 3, 3))
    x, y, z = points.T
    K[:, 0, 1], K[:, 0, 2], K[:, 1, 2] = -z, y, -x
    K[:, 1, 0], K[:, 2, 0], K[:, 2, 1] = z, -y, x
    return K


def _exp(step: Float64) -> Float64:
    """A small motion (v, w) as a pose."""
    return pose(matrix_from_rotvec(step[3:]), step[:3])
