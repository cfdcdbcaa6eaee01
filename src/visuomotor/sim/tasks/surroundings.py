"""The visual challenge: clutter on the table; at test also other light, tables and walls."""

from __future__ import annotations

import colorsys
import xml.etree.ElementTree as ET
from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.config import Variant

TEXTURELESS: tuple[Variant, ...] = ("visual_challenge", "visual_challenge_unseen")
"""The variants with clutter and an object without texture."""

_SHAPES = ("box", "cylinder", "ellipsoid", "capsule")
_LARGEST_M = 0.05  # half extent
_TABLE_LOW, _TABLE_HIGH = np.array([0.28, -0.34]), np.array([0.86, 0.34])
_APART_M = 0.11
_POOL = 12  # pieces of clutter of each shape; as many others at test
_TABLES = ("table", "table_checked", "table_graded")


def add_clutter(world: ET.Element, asset: ET.Element) -> None:
    """Adds one piece of every shape, standing still and touching nothing, and other tables."""
    for shape in _SHAPES:
        body = ET.SubElement(world, "body", name=f"clutter_{shape}", pos="0.3 0 0.05")
        ET.SubElement(
            body,
            "geom",
            name=f"clutter_{shape}",
            type=shape,
            size=" ".join([str(_LARGEST_M)] * 3),
            rgba=".5 .4 .3 1",
            contype="0",
            conaffinity="0",
        )
    for name, builtin in (("table_checked", "checker"), ("table_graded", "gradient")):
        ET.SubElement(
            asset,
            "texture",
            name=name,
            type="2d",
            builtin=builtin,
            rgb1=".62 .60 .58",
            rgb2=".40 .38 .36",
            width="256",
            height="256",
        )
        repeat = "8 8" if builtin == "checker" else "1 1"
        ET.SubElement(asset, "material", name=name, texture=name, texrepeat=repeat, specular="0")


def dress_surroundings(
    model: mujoco.MjModel,
    rng: np.random.Generator,
    variant: Variant,
    free: Callable[[NDArray[np.float64]], bool],
) -> None:
    """Places the clutter of one episode where `free((2,) m)` allows; at test changes the room."""
    unseen = variant == "visual_challenge_unseen"
    taken: list[NDArray[np.float64]] = []
    for i, shape in enumerate(_SHAPES):
        piece = int(rng.integers(_POOL)) + (_POOL if unseen else 0)
        look = np.random.default_rng([piece, 72, i])
        size = look.uniform(0.018, (0.038, 0.038, 0.032), 3)
        half_height = float(size[1] if shape == "cylinder" else size[2])
        if shape == "capsule":
            size[:2] = look.uniform(0.014, 0.022), look.uniform(0.01, 0.025)
            half_height = float(size[:2].sum())
        geom = model.geom(f"clutter_{shape}")
        geom.size[:] = size
        geom.rgba[:3] = _colour(look, (0.3, 0.95), (0.3, 0.95))
        place = _place(rng, taken, free)
        taken.append(place)
        model.body(f"clutter_{shape}").pos[:] = (*place, half_height)
    if unseen:
        _change_room(model, rng)


def _place(
    rng: np.random.Generator,
    taken: list[NDArray[np.float64]],
    free: Callable[[NDArray[np.float64]], bool],
) -> NDArray[np.float64]:
    for _ in range(1000):
        place = rng.uniform(_TABLE_LOW, _TABLE_HIGH)
        if free(place) and all(np.linalg.norm(place - t) > _APART_M for t in taken):
            return place
    raise AssertionError("the table has no room for clutter")


def _change_room(model: mujoco.MjModel, rng: np.random.Generator) -> None:
    material = model.material(_TABLES[int(rng.integers(len(_TABLES)))])
    model.geom("table").matid[:] = material.id
    material.rgba[:3] = _colour(rng, (0.1, 0.6), (0.45, 1.0))
    for wall in ("wall_x", "wall_y"):
        model.geom(wall).rgba[:3] = _colour(rng, (0.0, 0.6), (0.3, 0.9))
    model.material("floor").rgba[:3] = _colour(rng, (0.0, 0.5), (0.1, 0.6))
    model.light_dir[:] += rng.uniform(-0.5, 0.5, model.light_dir.shape) * (1, 1, 0)
    model.light_dir[:] /= np.linalg.norm(model.light_dir, axis=1, keepdims=True)
    model.light_diffuse[:] *= rng.uniform(0.5, 1.4) * rng.uniform(0.85, 1.15, 3)
    headlight = model.vis.headlight
    headlight.ambient[:] *= rng.uniform(0.6, 1.5)
    headlight.diffuse[:] *= rng.uniform(0.6, 1.4)


def _colour(
    rng: np.random.Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(
        float(rng.random()), float(rng.uniform(*saturation)), float(rng.uniform(*value))
    )
