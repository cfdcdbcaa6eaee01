"""Shows an environment in a compiled model: textures, lights and cameras, not the objects."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.geometry import matrix_from_quat_xyzw, matrix_from_rotvec, quat_xyzw_from_matrix
from visuomotor.sim.environments import PLAIN, TEXELS, Environment

_GEOMS = {"table": ("table",), "wall": ("wall_x", "wall_y"), "floor": ("floor",)}
_STACKS = 8  # of a round shape's triangles, not 16: a fifth of an image's time
_REPEAT = {"table": "1 1", "wall": "3 2", "floor": "6 6"}


def add_room(world: ET.Element, asset: ET.Element) -> None:
    """Gives table, walls and floor of a scene textures that can be painted anew."""
    geoms = {g.get("name"): g for g in world.findall("geom")}
    for surface, texels in TEXELS.items():
        name = f"room_{surface}"
        ET.SubElement(
            asset,
            "texture",
            name=name,
            type="2d",
            builtin="flat",
            rgb1="1 1 1",
            width=str(texels),
            height=str(texels),
        )
        ET.SubElement(
            asset, "material", name=name, texture=name, texrepeat=_REPEAT[surface], specular="0"
        )
        for geom in _GEOMS[surface]:
            geoms[geom].attrib.pop("rgba", None)
            geoms[geom].set("material", name)


def enter_room(model: mujoco.MjModel, room: Environment) -> None:
    """Makes a model that is as compiled show the room.

    The renderer takes changed textures over by itself, with the next image.
    """
    for surface, texture in room.textures.items():
        paint(model, f"room_{surface}", texture)
    model.light_dir[:, :2] += room.light_turn
    model.light_dir[:] /= np.linalg.norm(model.light_dir, axis=1, keepdims=True)
    model.light_diffuse[:] *= room.light
    model.vis.headlight.diffuse[:] *= room.light
    model.vis.headlight.ambient[:] *= room.ambient
    model.vis.quality.numstacks = _STACKS
    if room.number != PLAIN:
        _move_cameras(model, room)


def paint(model: mujoco.MjModel, texture: str, rgb: NDArray[np.uint8]) -> None:
    """Writes (H, W, 3) into a texture of that size."""
    found = model.texture(texture)
    start = int(found.adr[0])
    model.tex_data[start : start + rgb.size] = rgb.ravel()


def _move_cameras(model: mujoco.MjModel, room: Environment) -> None:
    for camera in np.flatnonzero(model.cam_bodyid == 0):  # those that stand
        R = _matrix(model.cam_quat[camera])
        model.cam_pos[camera] += R @ room.shift_m
        x, y, z, w = quat_xyzw_from_matrix(R @ matrix_from_rotvec(room.turn_rad))
        model.cam_quat[camera] = w, x, y, z


def _matrix(quat_wxyz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(matrix_from_quat_xyzw(np.roll(quat_wxyz, -1)), float)
