"""Bodies put somewhere at rest."""

from __future__ import annotations

import mujoco

from visuomotor.geometry import quat_xyzw_from_matrix
from visuomotor.sim.robot import PREFIX
from visuomotor.sim.tasks.task import Poses


def put(model: mujoco.MjModel, data: mujoco.MjData, objects: Poses) -> None:
    """Puts bodies at rest at these T_base_object (4, 4).

    A free body's joint has its name; one without a joint stands there from now on.
    """
    for name, T in objects.items():
        x, y, z, w = quat_xyzw_from_matrix(T[:3, :3])
        body = model.body(name)
        if body.jntnum[0] == 0:
            body.pos[:], body.quat[:] = T[:3, 3], (w, x, y, z)
        else:
            joint = data.joint(name)
            joint.qpos[:], joint.qvel[:] = (*T[:3, 3], w, x, y, z), 0


def straighten(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Puts the joints of the task's bodies at rest at qpos0, which the task may have set."""
    for j in range(model.njnt):
        joint = model.joint(j)
        if not joint.name.startswith(PREFIX):
            data.joint(j).qpos[:], data.joint(j).qvel[:] = joint.qpos0, 0
