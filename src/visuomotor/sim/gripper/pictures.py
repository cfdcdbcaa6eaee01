"""Pictures of gripper worlds, as a camera in front of the table sees them."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.geometry import quat_xyzw_from_matrix
from visuomotor.sim.gripper.model import dress, gripper_model
from visuomotor.sim.gripper.worlds import GripperState
from visuomotor.sim.rendering import Renderer

CAMERA = "front"


class GripperPictures:
    """Draws worlds with 1 or 2 `objects`; belongs to the thread that made it."""

    def __init__(self, objects: int, width: int = 280, height: int = 210) -> None:
        self._model = gripper_model(objects)
        self._data = mujoco.MjData(self._model)
        self._renderer = Renderer(self._model, width, height, shadows=False)

    def draw(self, state: GripperState, world: int) -> NDArray[np.uint8]:
        """One of the worlds (H, W, 3) at that moment."""
        model, data = self._model, self._data
        dress(model, data, state.heights[world], state.radii[world], 0.0)
        q = data.qpos
        q[:3], q[3:7] = state.position[world], _wxyz(state.rotation[world])
        q[7:9] = state.opening[world]
        for i in range(state.objects.shape[1]):
            q[9 + 7 * i : 12 + 7 * i] = state.objects[world, i]
            q[12 + 7 * i : 16 + 7 * i] = _wxyz(state.rotations[world, i])
        mujoco.mj_forward(model, data)
        image: NDArray[np.uint8] = self._renderer.render(data, CAMERA)[0]
        return image

    def close(self) -> None:
        """Frees the OpenGL context."""
        self._renderer.close()


def _wxyz(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    quat: NDArray[np.float64] = np.roll(quat_xyzw_from_matrix(rotation), 1)
    return quat
