"""A depth image as a small coloured point cloud for a browser."""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import Float64, UInt8, UInt16
from visuomotor.geometry import PinholeCamera, transform_points

MOST_POINTS = 6000
FARTHEST_M = 2.5


def packed_cloud(
    color: UInt8, depth_mm: UInt16, camera: PinholeCamera, T_base_camera: Float64
) -> bytes:
    """N points as int16 x, y, z in mm in base (6 N bytes), then uint8 r, g, b (3 N bytes).

    Every so many pixels of a picture (H, W), at most MOST_POINTS, within FARTHEST_M.
    """
    height, width = depth_mm.shape
    stride = max(1, int(np.ceil(np.sqrt(height * width / MOST_POINTS))))
    v, u = np.mgrid[stride // 2 : height : stride, stride // 2 : width : stride]
    v, u = v.ravel(), u.ravel()
    z_mm = depth_mm[v, u]
    seen = (z_mm > 0) & (z_mm < 1000 * FARTHEST_M)
    u, v, z = u[seen], v[seen], z_mm[seen] * 1e-3
    points = np.stack([(u - camera.cx) / camera.fx * z, (v - camera.cy) / camera.fy * z, z], axis=1)
    in_base_mm = np.rint(1e3 * transform_points(T_base_camera, points))
    fits = (np.abs(in_base_mm) < 32768).all(axis=1)
    return bytes(in_base_mm[fits].astype("<i2").tobytes() + color[v, u][fits].tobytes())
