"""Harder twins of a task: what makes a scene hard for a policy that takes all points as they come.

`look_alikes`: cubes of other colours beside the one that counts. `occluded`: a panel before each
standing camera hides part of it. `noisy_depth`: noise that grows with the distance, and holes. What
is added is there for the eyes alone: nothing touches it.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.cube import CUBE_M

TWINS: tuple[Variant, ...] = ("look_alikes", "occluded", "noisy_depth")
_COLOURS = (".85 .45 .08 1", ".55 .15 .60 1", ".78 .25 .38 1", ".45 .28 .12 1")
_LOW, _HIGH = np.array([0.32, -0.28]), np.array([0.68, 0.28])
_APART_M = 0.085
_PANEL_M = (0.004, 0.022, 0.035)  # half extents: thickness, width, height
_BEFORE_M = 0.05
_ASIDE_M = 0.03
_TOWARDS = {"front": (1.2, 0.0), "side": (0.72, -0.78)}
"""Where the standing cameras are, seen from above."""


def add_twin(world: ET.Element, variant: Variant) -> None:
    """Adds what the variant shows besides the task's own objects; nothing for any other."""
    if variant == "look_alikes":
        for i, rgba in enumerate(_COLOURS):
            _add(world, f"alike_{i}", (CUBE_M / 2,) * 3, rgba)
    if variant == "occluded":
        for camera in _TOWARDS:
            _add(world, f"panel_{camera}", _PANEL_M, ".70 .66 .60 1")


def dress_twin(
    model: mujoco.MjModel,
    rng: np.random.Generator,
    variant: Variant,
    places: Sequence[NDArray[np.float64]],
) -> None:
    """Places it for one episode; places (2,) of the task's objects, the one to be hidden first."""
    if variant == "look_alikes":
        taken = list(places)
        for i in range(len(_COLOURS)):
            place = _free_place(rng, taken)
            taken.append(place)
            body = model.body(f"alike_{i}")
            body.pos[:] = (*place, CUBE_M / 2)
            _turn(body, rng.uniform(-np.pi, np.pi))
    if variant == "occluded":
        for camera, eye in _TOWARDS.items():
            towards = np.subtract(eye, places[0])
            towards /= np.linalg.norm(towards)
            aside = rng.uniform(-_ASIDE_M, _ASIDE_M) * np.array([-towards[1], towards[0]])
            body = model.body(f"panel_{camera}")
            body.pos[:] = (*(places[0] + _BEFORE_M * towards + aside), _PANEL_M[2])
            _turn(body, float(np.arctan2(towards[1], towards[0])))


def _add(world: ET.Element, name: str, half_m: Sequence[float], rgba: str) -> None:
    body = ET.SubElement(world, "body", name=name, pos="0.3 0 0.05")
    ET.SubElement(
        body,
        "geom",
        name=name,
        type="box",
        size=" ".join(map(str, half_m)),
        rgba=rgba,
        contype="0",
        conaffinity="0",
    )


def _turn(body: Any, yaw_rad: float) -> None:
    body.quat[:] = (np.cos(yaw_rad / 2), 0.0, 0.0, np.sin(yaw_rad / 2))


def _free_place(
    rng: np.random.Generator, taken: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    for _ in range(1000):
        place = rng.uniform(_LOW, _HIGH)
        if all(np.linalg.norm(place - t) > _APART_M for t in taken):
            return place
    raise AssertionError("the table has no room for look-alikes")
