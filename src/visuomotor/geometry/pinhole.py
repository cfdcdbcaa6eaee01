"""The pinhole camera. Pixel centres are integers: the first pixel's centre is (0, 0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def map_pixels(pixels: ArrayLike, scale: float) -> Array:
    """Where pixel coordinates land after an image is resized by `scale` (new / old).

    The one rule for every resize and stride: pixel *edges* scale, so centres move by half a
    pixel: u' = (u + 0.5) * scale - 0.5.
    """
    result: Array = (np.asarray(pixels, float) + 0.5) * scale - 0.5
    return result


@dataclass(frozen=True)
class PinholeCamera:
    """Intrinsics in pixels of an undistorted image; axes x right, y down, z forward.

    Raises ValueError for a size or a focal length that is not positive and finite.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        values = (self.width, self.height, self.fx, self.fy)
        if not all(np.isfinite(v) and v > 0 for v in values):
            raise ValueError(
                f"camera intrinsics: got width, height, fx, fy = {values}, "
                "expected positive numbers; calibrate the camera or check its camera_info"
            )
        if not (np.isfinite(self.cx) and np.isfinite(self.cy)):
            raise ValueError(f"camera intrinsics: got cx, cy = {self.cx}, {self.cy}: not finite")

    @classmethod
    def from_fovy(cls, width: int, height: int, fovy_rad: float) -> PinholeCamera:
        """A camera with square pixels and a centred axis from its vertical field of view."""
        f = 0.5 * height / np.tan(0.5 * fovy_rad)
        return cls(width, height, float(f), float(f), (width - 1) / 2, (height - 1) / 2)

    @classmethod
    def from_matrix(cls, width: int, height: int, K: ArrayLike) -> PinholeCamera:
        """From a (3, 3) camera matrix, or its 9 entries row by row as in CameraInfo.k."""
        k = np.asarray(K, float).reshape(3, 3)
        return cls(width, height, *(float(v) for v in (k[0, 0], k[1, 1], k[0, 2], k[1, 2])))

    @property
    def matrix(self) -> Array:
        """K (3, 3)."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    def resized(self, width: int, height: int) -> PinholeCamera:
        """The camera of the same view resized to width x height."""
        sx, sy = width / self.width, height / self.height
        return PinholeCamera(
            width,
            height,
            self.fx * sx,
            self.fy * sy,
            float(map_pixels(self.cx, sx)),
            float(map_pixels(self.cy, sy)),
        )

    def cropped(self, x0: int, y0: int, width: int, height: int) -> PinholeCamera:
        """The camera of the crop whose first pixel is (x0, y0)."""
        return PinholeCamera(width, height, self.fx, self.fy, self.cx - x0, self.cy - y0)

    def project(self, points: ArrayLike) -> Array:
        """Pixels (..., 2) of points (..., 3) in the camera frame; NaN behind the camera."""
        p = np.asarray(points, float)
        z = np.where(p[..., 2] > 1e-9, p[..., 2], np.nan)
        return np.stack(
            [self.fx * p[..., 0] / z + self.cx, self.fy * p[..., 1] / z + self.cy], axis=-1
        )

    def deproject(self, pixels: ArrayLike, depth_m: ArrayLike) -> Array:
        """Points (..., 3) in the camera frame of pixels (..., 2) at depths (...) in m."""
        uv, z = np.asarray(pixels, float), np.asarray(depth_m, float)
        return np.stack(
            [(uv[..., 0] - self.cx) / self.fx * z, (uv[..., 1] - self.cy) / self.fy * z, z], axis=-1
        )

    def deproject_image(self, depth_m: ArrayLike) -> Array:
        """Points (H, W, 3) in the camera frame of a depth image (H, W) in m."""
        z = np.asarray(depth_m, float)
        v, u = np.mgrid[: z.shape[0], : z.shape[1]]
        return self.deproject(np.stack([u, v], axis=-1), z)
