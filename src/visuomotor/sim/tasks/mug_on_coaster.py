"""What the tasks share in which a mug is pushed onto a coaster."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np

from visuomotor.sim.environments import environment
from visuomotor.sim.tasks.coaster import add_coaster, show_coaster
from visuomotor.sim.tasks.distractors import add_distractors, enter_distractors
from visuomotor.sim.tasks.mug import add_mug, mug_look, show_mug
from visuomotor.sim.tasks.room import add_room, enter_room
from visuomotor.sim.tasks.task import Poses


def add_mug_and_coaster(
    world: ET.Element, asset: ET.Element, radius_m: float, place_m: tuple[float, float]
) -> None:
    """Mug, coaster (its radius and place) and distractors, and surfaces that change."""
    add_room(world, asset)
    add_mug(world)
    add_coaster(world, radius_m, place_m)
    add_distractors(world)


def enter_with_mug(model: mujoco.MjModel, environment_number: int) -> None:
    """The room, and the mug, coaster and distractors that belong to it."""
    enter_room(model, environment(environment_number))
    show_mug(model, mug_look(environment_number))
    show_coaster(model, environment_number)
    enter_distractors(model, environment_number)


def off_the_coaster(objects: Poses) -> tuple[float, float]:
    """From the mug's middle to the coaster's, m; its heading, rad, does not count."""
    return float(np.linalg.norm(objects["mug"][:2, 3] - objects["goal"][:2, 3])), 0.0
