"""What `striker` shows: a ball, and a goal with a low rim that is open on one side."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np

from visuomotor.sim.environments import environment
from visuomotor.sim.palette import distinct_rgb

BALL_RADIUS_M = 0.018
BALL_KG = 0.05
_PANELS = 9
_OPEN_RAD = float(np.deg2rad(140))
_HEIGHT_M = (0.008, 0.017)  # half of the rim's
_THICK_M = (0.003, 0.006)  # half of the rim's
_HALF_HEIGHT_M = 0.0008


def add_ball(world: ET.Element, asset: ET.Element) -> None:
    """Adds the free body, with a pattern that shows how it rolls."""
    ET.SubElement(
        asset,
        "texture",
        name="ball",
        type="cube",
        builtin="checker",
        rgb1="1 1 1",
        rgb2=".55 .55 .55",
        width="32",
        height="32",
    )
    ET.SubElement(asset, "material", name="ball", texture="ball", specular="0.2")
    body = ET.SubElement(world, "body", name="ball", pos=f"0.5 0 {BALL_RADIUS_M}")
    ET.SubElement(body, "freejoint", name="ball")
    ET.SubElement(
        body,
        "geom",
        name="ball",
        type="sphere",
        size=str(BALL_RADIUS_M),
        mass=str(BALL_KG),
        material="ball",
        rgba=".8 .8 .8 1",
        condim="3",
        friction="0.25 0.005 0.0001",
        priority="1",
    )


def add_goal(world: ET.Element, inner_radius_m: float) -> None:
    """Adds the landmark `goal`: a disc, and a rim that is open towards its -x."""
    body = ET.SubElement(world, "body", name="goal", pos="0.45 0.1 0")
    for i in range(2):
        ET.SubElement(
            body,
            "geom",
            name=f"goal_disc_{i}",
            type="cylinder",
            size=f"{inner_radius_m} {_HALF_HEIGHT_M + 0.0004 * i}",
            rgba=".9 .9 .9 1",
            contype="0",
            conaffinity="0",
        )
    closed = 2 * np.pi - _OPEN_RAD
    width = inner_radius_m * np.tan(closed / _PANELS / 2) + _THICK_M[1] / 2
    for i in range(_PANELS):
        angle = -closed / 2 + (i + 0.5) * closed / _PANELS
        out = inner_radius_m + _THICK_M[1]
        ET.SubElement(
            body,
            "geom",
            name=f"goal_rim_{i}",
            type="box",
            size=f"{_THICK_M[1]} {width:.9g} {_HEIGHT_M[1]}",
            pos=f"{out * np.cos(angle):.9g} {out * np.sin(angle):.9g} {_HEIGHT_M[1]}",
            euler=f"0 0 {angle:.9g}",
            rgba=".3 .3 .3 1",
        )


def show_ball_and_goal(model: mujoco.MjModel, number: int) -> None:
    """Gives both what they look like in an environment: colours, and the rim's height and width."""
    rng = np.random.default_rng([number, 95])
    table = environment(number).table_rgb
    rim = distinct_rgb(rng, [table])
    disc = distinct_rgb(rng, [table, rim], 0.35)
    model.geom("ball").rgba[:3] = distinct_rgb(rng, [table, disc], 0.4)
    inner = float(model.geom("goal_disc_0").size[0])
    for i, rgb in enumerate((disc, distinct_rgb(rng, [disc], 0.3))):
        geom = model.geom(f"goal_disc_{i}")
        geom.rgba[:3], geom.size[0] = rgb, inner * (1.0 if i == 0 else rng.uniform(0.3, 0.7))
    second = distinct_rgb(rng, [table], 0.3) if rng.random() < 0.5 else rim
    height, thick = rng.uniform(*_HEIGHT_M), rng.uniform(*_THICK_M)
    for i in range(_PANELS):
        panel = model.geom(f"goal_rim_{i}")
        panel.rgba[:3] = second if i % 2 else rim
        panel.pos[:] *= (inner + thick) / (inner + _THICK_M[1])
        panel.pos[2], panel.size[0], panel.size[2] = height, thick, height
