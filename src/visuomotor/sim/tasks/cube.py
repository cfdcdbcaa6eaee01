"""A cube of 4 cm with marks on its faces: what `lift`, `stack` and `tool_use` grasp."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import RobotState

CUBE_M = 0.04
MASS_KG = 0.05


def add_cube(
    world: ET.Element,
    asset: ET.Element,
    name: str,
    rgb: tuple[str, str, str] = (".80 .12 .10", ".85 .40 .10", ".45 .05 .12"),
) -> ET.Element:
    """Adds the free body; rgb: of its sides, of its top and bottom, of the crosses on them."""
    ET.SubElement(
        asset,
        "texture",
        name=name,
        type="cube",
        builtin="flat",
        mark="cross",
        rgb1=rgb[0],
        rgb2=rgb[1],
        markrgb=rgb[2],
        width="64",
        height="64",
    )
    ET.SubElement(asset, "material", name=name, texture=name, specular="0.1")
    body = ET.SubElement(world, "body", name=name, pos=f"0.5 0 {CUBE_M / 2}")
    ET.SubElement(body, "freejoint", name=name)
    ET.SubElement(
        body,
        "geom",
        name=name,
        type="box",
        size=" ".join([str(CUBE_M / 2)] * 3),
        mass=str(MASS_KG),
        material=name,
        condim="4",
        friction="1.2 0.02 0.0005",
    )
    return body


def holds_cube(robot: RobotState, cube_m: NDArray[np.float64]) -> bool:
    """Whether the fingers are closed on a cube centred at (3,), rather than open around it."""
    near = np.linalg.norm(robot.T_base_ee[:3, 3] - cube_m) < 0.025
    return bool(near and 0.03 < robot.gripper_width_m < CUBE_M + 0.003)
