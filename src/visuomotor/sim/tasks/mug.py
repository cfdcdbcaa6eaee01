"""A mug: a cylinder, open above, with bands and a handle; sizes and colours by environment."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass

import mujoco
import numpy as np

from visuomotor.sim.environments import environment
from visuomotor.sim.palette import RGB, distinct_rgb, draw_rgb

MASS_KG = 0.3  # of every instance
FRICTION = "0.4 0.005 0.0001"  # with table and fingers alike
RADIUS_M = (0.030, 0.038)
HALF_HEIGHT_M = (0.026, 0.034)
"""The smallest and the largest; the hand's palm is 7.2 cm above the table when it pushes."""
_SKIN_M = 0.0006
_BANDS = 2
_STYLES = ("box", "capsule")
_BARS = 3


@dataclass(frozen=True)
class Band:
    """A ring of colour: height of its middle and half its height, as shares of half the mug's."""

    middle: float
    half: float
    rgb: RGB


@dataclass(frozen=True)
class MugLook:
    """radius_m, half_height_m; rgb outside and inside; handle: style, reach, half its height."""

    radius_m: float
    half_height_m: float
    rgb: RGB
    inside_rgb: RGB
    bands: tuple[Band, Band]
    handle_rgb: RGB
    style: str
    reach_m: float
    half_span_m: float
    bar_m: float


def mug_look(number: int) -> MugLook:
    """The mug of an environment, which stands out from its table."""
    rng = np.random.default_rng([number, 92])
    rgb = distinct_rgb(rng, [environment(number).table_rgb])
    radius = rng.uniform(*RADIUS_M)
    half_height = rng.uniform(*HALF_HEIGHT_M)
    dark = rng.random() < 0.5
    inside = draw_rgb(rng, (0.1, 0.5), (0.08, 0.25) if dark else (0.85, 1.0))
    bands = tuple(
        Band(rng.uniform(-0.8, 0.8), rng.uniform(0.05, 0.3), distinct_rgb(rng, [rgb], 0.3))
        for _ in range(_BANDS)
    )
    handle = rgb if rng.random() < 0.6 else distinct_rgb(rng, [rgb], 0.3)
    return MugLook(
        float(radius),
        float(half_height),
        rgb,
        inside,
        (bands[0], bands[1]),
        handle,
        _STYLES[int(rng.integers(len(_STYLES)))],
        float(rng.uniform(0.016, 0.024)),
        float(rng.uniform(0.55, 0.8) * half_height),
        float(rng.uniform(0.0035, 0.0055)),
    )


def add_mug(world: ET.Element, name: str = "mug") -> None:
    """Adds the free body, as large as its largest instance; its handle points along its x axis.

    The handle, the bands and the hollow are for the eyes; what touches is the cylinder.
    """
    body = ET.SubElement(world, "body", name=name, pos=f"0.5 0 {HALF_HEIGHT_M[1]}")
    ET.SubElement(body, "freejoint", name=name)
    radius, half = RADIUS_M[1], HALF_HEIGHT_M[1]
    ET.SubElement(
        body,
        "geom",
        name=name,
        type="cylinder",
        size=f"{radius} {half}",
        mass=str(MASS_KG),
        rgba=".7 .2 .2 1",
        condim="4",
        friction=FRICTION,
        priority="1",
    )
    _add_looks(body, f"{name}_inside", "cylinder", f"{radius} {half}")
    for i in range(_BANDS):
        _add_looks(body, f"{name}_band_{i}", "cylinder", f"{radius + _SKIN_M} {half}")
    for style in _STYLES:
        for i in range(_BARS):
            size = ".006 .03" if style == "capsule" else ".006 .006 .03"
            _add_looks(body, f"{name}_{style}_{i}", style, size)


def show_mug(model: mujoco.MjModel, look: MugLook, name: str = "mug") -> None:
    """Gives the mug its sizes and colours in a model that is as compiled."""
    r, half = look.radius_m, look.half_height_m
    outside = model.geom(name)
    outside.size[:2], outside.rgba[:3] = (r, half), look.rgb
    inside = model.geom(f"{name}_inside")
    inside.size[:2], inside.rgba[:3] = (0.82 * r, 0.5 * half), look.inside_rgb
    inside.pos[:], inside.quat[:] = (0, 0, 0.5 * half + _SKIN_M), (1, 0, 0, 0)
    for i, band in enumerate(look.bands):
        ring = model.geom(f"{name}_band_{i}")
        low, high = (float(np.clip(band.middle + s * band.half, -0.98, 0.98)) for s in (-1, 1))
        ring.size[:2], ring.rgba[:3] = (r + _SKIN_M, half * (high - low) / 2), band.rgb
        ring.pos[:], ring.quat[:] = (0, 0, half * (high + low) / 2), (1, 0, 0, 0)
    _show_handle(model, look, name)


def _show_handle(model: mujoco.MjModel, look: MugLook, name: str) -> None:
    """Two bars out of the mug and one that joins them."""
    r, reach, span, bar = look.radius_m, look.reach_m, look.half_span_m, look.bar_m
    for style in _STYLES:
        for i in range(_BARS):
            geom = model.geom(f"{name}_{style}_{i}")
            geom.rgba[:3], geom.rgba[3] = look.handle_rgb, float(style == look.style)
            upright = i == _BARS - 1
            length = span if upright else reach / 2 + 0.002
            geom.size[:] = (bar, length, 0.0) if style == "capsule" else (bar, bar, length)
            geom.pos[:] = (r + reach, 0, 0) if upright else (r + reach / 2, 0, span * (2 * i - 1))
            geom.quat[:] = (1, 0, 0, 0) if upright else (np.sqrt(0.5), 0, np.sqrt(0.5), 0)


def _add_looks(body: ET.Element, name: str, kind: str, size: str) -> None:
    ET.SubElement(
        body,
        "geom",
        name=name,
        type=kind,
        size=size,
        pos="0.03 0 0.001",  # off the body's frame: what is compiled in it takes no other pose
        quat="0.9 0.1 0.2 0.3",
        rgba=".8 .8 .8 1",
        mass="0",
        contype="0",
        conaffinity="0",
    )
