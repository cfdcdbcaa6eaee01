"""A carton: a box with markings that tell its ends apart, in sizes and looks by instance."""

from __future__ import annotations

import colorsys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.geometry import pose
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.surroundings import TEXTURELESS
from visuomotor.sim.tasks.variant import instances

MASS_KG = 0.4  # of every instance
FRICTION = "0.4 0.005 0.0001"  # with table and fingers alike
_SKIN_M = 0.0004  # how far markings stand out


@dataclass(frozen=True)
class Marking:
    """A patch of colour: centre and half size as fractions of the carton's half extents.

    It wraps around every face that it reaches.
    """

    rgb: tuple[float, float, float]
    centre: tuple[float, float]
    half: tuple[float, float]


@dataclass(frozen=True)
class CartonLook:
    """half_m: half extents in m. rgb: the bare carton. markings: always four."""

    half_m: tuple[float, float, float]
    rgb: tuple[float, float, float]
    markings: tuple[Marking, ...]


PLAIN = CartonLook(
    (0.045, 0.075, 0.025),
    (0.90, 0.76, 0.20),
    (
        Marking((0.10, 0.20, 0.55), (0.0, 0.72), (1.0, 0.28)),
        Marking((0.85, 0.85, 0.80), (0.35, -0.10), (0.40, 0.35)),
        Marking((0.75, 0.12, 0.10), (-0.65, -0.70), (0.35, 0.30)),
        Marking((0.12, 0.45, 0.20), (-0.60, 0.15), (0.25, 0.15)),
    ),
)


def carton_look(instance: int) -> CartonLook:
    """The carton with that number, the same one every time."""
    rng = np.random.default_rng([instance, 71])
    half = PLAIN.half_m * rng.uniform((0.75, 0.75, 0.8), (1.2, 1.2, 1.1))
    hue = rng.random()
    markings = tuple(
        Marking(
            _rgb(hue + rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.9), rng.uniform(0.3, 0.95)),
            _pair(np.array(m.centre) * rng.uniform(0.75, 1.0, 2)),
            _pair(np.array(m.half) * rng.uniform(0.7, 1.0, 2)),
        )
        for m in PLAIN.markings
    )
    colour = _rgb(hue, rng.uniform(0.3, 0.9), rng.uniform(0.5, 0.95))
    return CartonLook((float(half[0]), float(half[1]), float(half[2])), colour, markings)


def carton_looks(variant: Variant) -> Sequence[CartonLook]:
    """Every carton that the variant may show."""
    return [carton_look(i) for i in instances(variant)] or [PLAIN]


def draw_look(variant: Variant, rng: np.random.Generator) -> CartonLook:
    """The carton of one episode."""
    looks = carton_looks(variant)
    return looks[int(rng.integers(len(looks)))]


def add_carton(world: ET.Element, asset: ET.Element, name: str, variant: Variant) -> ET.Element:
    """Adds the free body, as large as its largest instance; returns it, for landmarks."""
    looks = carton_looks(variant)
    ET.SubElement(
        asset,
        "texture",
        name=name,
        type="cube",
        builtin="flat",
        mark="random",
        random="0.06",
        rgb1="1 1 1",
        rgb2="1 1 1",
        markrgb=".55 .55 .55",
        width="64",
        height="64",
    )
    ET.SubElement(asset, "material", name=name, texture=name, specular="0.1")
    ET.SubElement(asset, "material", name=f"{name}_bare", specular="0")
    body = ET.SubElement(world, "body", name=name, pos="0.6 0 0.05")
    ET.SubElement(body, "freejoint", name=name)
    ET.SubElement(
        body,
        "geom",
        name=name,
        type="box",
        size=_text(np.max([look.half_m for look in looks], axis=0)),
        mass=str(MASS_KG),
        material=name,
        rgba=_text((*PLAIN.rgb, 1)),
        condim="4",
        friction=FRICTION,
        priority="1",
    )
    for i in range(len(PLAIN.markings)):
        size = np.max([_extent(look, look.markings[i])[0] for look in looks], axis=0)
        ET.SubElement(
            body,
            "geom",
            name=f"{name}_marking_{i}",
            type="box",
            size=_text(size),
            pos="0.01 0 0",
            mass="0",
            contype="0",
            conaffinity="0",
        )
    return body


def dress_carton(
    model: mujoco.MjModel,
    name: str,
    look: CartonLook,
    variant: Variant,
    T_base_carton: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Gives the carton its size and markings; without texture in the visual challenge.

    Returns its pose (4, 4), set on the table.
    """
    box = model.geom(name)
    box.size[:] = look.half_m
    box.rgba[:3] = look.rgb
    for i, marking in enumerate(look.markings):
        geom = model.geom(f"{name}_marking_{i}")
        geom.size[:], geom.pos[:] = _extent(look, marking)
        geom.rgba[:3] = marking.rgb
        if variant in TEXTURELESS:
            geom.rgba[3] = 0  # not drawn
    if variant in TEXTURELESS:
        box.rgba[:3] = (0.72, 0.70, 0.66)
        box.matid[:] = model.material(f"{name}_bare").id
    return pose(T_base_carton[:3, :3], (*T_base_carton[:2, 3], look.half_m[2]))


def _extent(look: CartonLook, marking: Marking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Half size (3,) and centre (3,) in m of a marking, clipped to the carton and its skin."""
    half = np.array(look.half_m)
    low = np.clip(np.subtract(marking.centre, marking.half), -1, 1) * half[:2]
    high = np.clip(np.add(marking.centre, marking.half), -1, 1) * half[:2]
    size = np.array([*(high - low) / 2, half[2]]) + _SKIN_M
    return size, np.array([*(high + low) / 2, 0.0])


def _rgb(hue: float, saturation: float, value: float) -> tuple[float, float, float]:
    return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _text(values: Sequence[float] | NDArray[np.float64]) -> str:
    return " ".join(f"{v:.12g}" for v in values)
