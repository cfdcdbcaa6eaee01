"""Leaves out what a camera cannot see: without a GPU a frame costs what its triangles cost."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

UNDRAWN_GROUP = 5
_MARGIN_M = 0.001


class Culling:
    """Tells by camera which geoms' bounding boxes meet its frustum; the image stays the same.

    aspect: width / height of the images. Not for scenes with shadows, which come from outside.
    """

    def __init__(self, model: mujoco.MjModel, aspect: float) -> None:
        self._group = model.geom_group.copy()
        self._centre = model.geom_aabb[:, :3].copy()
        self._half = model.geom_aabb[:, 3:].copy()
        self._endless = model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE
        self._normals = [_side_normals(np.deg2rad(float(v)), aspect) for v in model.cam_fovy]

    def groups(self, data: mujoco.MjData, camera_id: int) -> NDArray[np.int32]:
        """(ngeom,) the geoms' groups, UNDRAWN_GROUP for those out of this camera's view."""
        R = data.geom_xmat.reshape(-1, 3, 3)
        normals = self._normals[camera_id] @ data.cam_xmat[camera_id].reshape(3, 3).T  # (4, 3)
        centre = data.geom_xpos + (R @ self._centre[:, :, None])[:, :, 0]
        distance = (centre - data.cam_xpos[camera_id]) @ normals.T  # (ngeom, 4)
        reach = (np.abs(normals @ R) @ self._half[:, :, None])[:, :, 0]
        seen = (distance + reach > -_MARGIN_M).all(axis=1) | self._endless
        return np.where(seen, self._group, UNDRAWN_GROUP).astype(np.int32)


def _side_normals(fovy_rad: float, aspect: float) -> NDArray[np.float64]:
    """Inward unit normals (4, 3) of the frustum's sides; axes x right, y up, z backward."""
    v = np.tan(0.5 * fovy_rad)
    h = v * aspect
    normals = np.array([[1, 0, -h], [-1, 0, -h], [0, 1, -v], [0, -1, -v]])
    unit: NDArray[np.float64] = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return unit
