"""How far a point is from an object's surface, for those made of boxes and cylinders."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import ConfigError


def surface_distance(
    model: mujoco.MjModel, body: str, T_base_body: NDArray[np.float64], point: NDArray[np.float64]
) -> float:
    """From a point (3,) in base to the nearest of a body's geoms, m; 0 within one.

    T_base_body: (4, 4), where the body is. Raises ConfigError for geoms of other shapes.
    """
    local = T_base_body[:3, :3].T @ (point - T_base_body[:3, 3])
    number = model.body(body).id
    distances = [
        _distance(model, int(geom), local) for geom in np.flatnonzero(model.geom_bodyid == number)
    ]
    if not distances:
        raise ConfigError(f"{body}: has no geom of its own; expected a body, not a landmark")
    return min(distances)


def _distance(model: mujoco.MjModel, geom: int, local: NDArray[np.float64]) -> float:
    R = np.zeros(9)
    mujoco.mju_quat2Mat(R, model.geom_quat[geom])
    p = R.reshape(3, 3).T @ (local - model.geom_pos[geom])
    size = model.geom_size[geom]
    kind = model.geom_type[geom]
    if kind == mujoco.mjtGeom.mjGEOM_BOX:
        return float(np.linalg.norm(np.maximum(np.abs(p) - size, 0.0)))
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        aside = max(float(np.hypot(p[0], p[1]) - size[0]), 0.0)
        return float(np.hypot(aside, max(abs(float(p[2])) - size[1], 0.0)))
    raise ConfigError(f"geom {geom}: expected a box or a cylinder")
