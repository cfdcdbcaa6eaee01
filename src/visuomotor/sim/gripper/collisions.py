"""Whether a hand is where it cannot be: below the table, or in an object."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.gripper.model import BODIES, PLANE, TIP_M

Float64 = NDArray[np.float64]

_PALM = np.array([0.0315, 0.102, 0.046])
_FINGER = np.array([0.01, 0.01, 0.06])
_DEEP_M = 1e-4


def below_table(position: Float64, rotation: Float64, opening: Float64) -> NDArray[np.bool_]:
    """Whether (N,) a hand's palm or fingers reach below z = 0.

    position (N, 3), rotation (N, 3, 3), opening (N,) of each finger, m.
    """
    up = rotation[:, 2]  # the world's z in the hand
    palm = position[:, 2] - 0.13 * up[:, 2] - np.abs(up) @ _PALM
    fingers = position[:, 2] + (TIP_M - 0.06) * up[:, 2] - np.abs(up) @ _FINGER
    fingers -= (opening + 0.01) * np.abs(up[:, 1])
    result: NDArray[np.bool_] = np.minimum(palm, fingers) < 0
    return result


def touching(model: mujoco.MjModel, data: mujoco.MjData) -> bool:
    """Whether the hand is in the first object, or what it holds in that or in the table."""
    mujoco.mj_fwdPosition(model, data)
    for contact in data.contact:
        bodies = {_name(model, contact.geom1), _name(model, contact.geom2)}
        held = "object1" in bodies and not bodies & set(BODIES)
        if contact.dist < -_DEEP_M and (held or ("object0" in bodies and PLANE not in bodies)):
            return True
    return False


def _name(model: mujoco.MjModel, geom: int) -> str:
    """Of the geom's body, or PLANE."""
    body = int(model.geom_bodyid[geom])
    return str(model.body(body).name) if body else PLANE
