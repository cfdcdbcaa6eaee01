"""A coaster: the round place on the table that something is to be pushed onto."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np

from visuomotor.sim.environments import environment
from visuomotor.sim.palette import distinct_rgb

_HALF_HEIGHT_M = 0.0008
_RINGS = 3


def add_coaster(world: ET.Element, radius_m: float, place_m: tuple[float, float]) -> None:
    """Adds the landmark `goal`, a body that stands still and touches nothing."""
    body = ET.SubElement(world, "body", name="goal", pos=f"{place_m[0]} {place_m[1]} 0")
    for i in range(_RINGS):
        ET.SubElement(
            body,
            "geom",
            name=f"goal_ring_{i}",
            type="cylinder",
            size=f"{radius_m} {_HALF_HEIGHT_M + 0.0004 * i}",
            rgba=".9 .9 .9 1",
            contype="0",
            conaffinity="0",
        )


def show_coaster(model: mujoco.MjModel, number: int) -> None:
    """Gives the coaster the colours that it has in an environment."""
    rng = np.random.default_rng([number, 94])
    others = [environment(number).table_rgb]
    radius = float(model.geom("goal_ring_0").size[0])
    for i, share in enumerate((1.0, rng.uniform(0.6, 0.85), rng.uniform(0.25, 0.5))):
        ring = model.geom(f"goal_ring_{i}")
        others.append(distinct_rgb(rng, others, 0.35))
        ring.size[0], ring.rgba[:3] = radius * share, others[-1]
