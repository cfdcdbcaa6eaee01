"""Bread: out of a covered container or off the table, into a bowl, and on a plate or in the oven.

The kitchen of Generalization Through Imitation: container > bowl > plate and table > bowl > oven
are demonstrated; both lead through the bowl. Sizes and places are ours, the text gives none. Where
the bread starts on the table the container stands open and empty with its lid beside it, as the
other start leaves it, so that in the bowl the two tasks truly meet.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import RobotState
from visuomotor.errors import ConfigError, unknown_name
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.bread_expert import ASIDE_M, BreadExpert
from visuomotor.sim.tasks.bread_moves import moved_beside
from visuomotor.sim.tasks.bread_objects import (
    BREAD_HALF_M,
    CONTAINER_FLOOR_M,
    CONTAINER_M,
    LID_HALF_M,
    PLATE_M,
    add_bowl,
    add_bread,
    add_container,
    add_lid,
    add_plate,
)
from visuomotor.sim.tasks.bread_state import (
    hand_away,
    holds_bread,
    in_bowl,
    in_container,
    lid_on,
    on_plate,
    on_tray,
    tray_in,
)
from visuomotor.sim.tasks.motion import POINTING_DOWN
from visuomotor.sim.tasks.oven import add_oven
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

BREAD_AREA = Area((0.38, 0.20), (0.035, 0.06), (0.045, 0.07), sigma_m=(0.018, 0.03))
BOWL_AREA = Area((0.47, 0.0), (0.03, 0.025), (0.04, 0.03), sigma_m=(0.015, 0.012))
CONTAINER_AREA = Area((0.40, -0.215), (0.02, 0.03), (0.025, 0.04), sigma_m=(0.01, 0.015))
PLATE_AREA = Area((0.66, -0.06), (0.02, 0.025), (0.03, 0.03), sigma_m=(0.01, 0.012))


class Bread:
    """Objects: bread, lid, what stands, the tray, and the oven: where the tray is when it is in.

    A goal counts once the bread rests there and the hand has let go and left.
    """

    name = "bread"
    objects = ("bread", "bowl", "container", "lid", "plate", "tray", "oven")
    starts = ("container", "table")
    goals = ("plate", "oven")
    demonstrated = (("container", "plate"), ("table", "oven"))
    horizon_steps = 900
    moved_at_s = (2.0, 6.0)
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain",))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """A brown bread, a green bowl, a purple lid, a blue and white plate, a grey oven."""
        for add in (add_bread, add_bowl, add_container, add_lid, add_plate, add_oven):
            add(world)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """As from the first start."""
        return self.draw_from(rng, region, self.starts[0])

    def draw_from(
        self, rng: np.random.Generator, region: str, start: str
    ) -> tuple[Poses, NDArray[np.float64]]:
        """Each in its own area, the bread on the table turned by up to 0.2 rad; the hand above."""
        places = (BREAD_AREA, BOWL_AREA, CONTAINER_AREA, PLATE_AREA)
        bread, bowl, container, plate = (area.draw(rng, region) for area in places)
        turn, askew = rng.uniform(-0.2, 0.2), rng.uniform(-0.04, 0.04)
        beside, inside = rng.uniform(-0.005, 0.005, 2), rng.uniform(-0.004, 0.004, 2)
        hand = np.array([0.46, 0.0, 0.26]) + rng.uniform(-1, 1, 3) * (0.05, 0.06, 0.04)
        bottom, height = BREAD_HALF_M[2], CONTAINER_M[2]
        if start == "container":
            T_bread = pose(np.eye(3), (*(container + inside), CONTAINER_FLOOR_M + bottom))
            T_lid = pose(np.eye(3), (*container, height + LID_HALF_M[2]))
        else:
            T_bread = pose(_turned(turn), (*bread, bottom))
            T_lid = pose(_turned(askew), (*(container + ASIDE_M + beside), LID_HALF_M[2]))
        objects = {
            "bread": T_bread,
            "bowl": pose(np.eye(3), (*bowl, 0.0)),
            "container": pose(np.eye(3), (*container, 0.0)),
            "lid": T_lid,
            "plate": pose(np.eye(3), (*plate, PLATE_M / 2)),
        }
        return objects, pose(POINTING_DOWN, hand)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """They look the same in every episode."""
        return objects

    def reached(self, robot: RobotState, objects: Poses) -> str:
        """The goal in which the bread rests, the hand away from it."""
        if not hand_away(robot, objects):
            return ""
        if on_plate(objects):
            return "plate"
        return "oven" if on_tray(objects) and tray_in(objects) else ""

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the bread is in either goal."""
        return bool(self.reached(robot, objects))

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """From the bread to the nearer of its places on the plate and in the oven, m."""
        bread, lying = objects["bread"][:3, 3], BREAD_HALF_M[2]
        plate = objects["plate"][:3, 3] + (0, 0, PLATE_M / 2 + lying)
        oven = objects["oven"][:3, 3] + (0, 0, lying)
        return min(float(np.linalg.norm(bread - place)) for place in (plate, oven)), 0.0

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The lid, the bread, the bowl as soon as the bread is held, the tray as it lies there."""
        if lid_on(objects) and in_container(objects):
            return "lid"
        if on_tray(objects):
            return "tray"
        return "bowl" if holds_bread(robot, objects) or in_bowl(objects) else "bread"

    def moved(self, rng: np.random.Generator, robot: RobotState, objects: Poses) -> Poses:
        """What the hand is to go to next, 3 to 4 cm along the table; nothing that it is at.

        The bread, or container, bowl or plate with what is in it; nothing once the bread is served.
        """
        return moved_beside(rng, robot, objects)

    def expert(self) -> Expert:
        """A new expert to the first goal."""
        return self.expert_to(self.goals[0])

    def expert_to(self, goal: str) -> Expert:
        """A new expert to that goal; ConfigError names those there are."""
        if goal not in self.goals:
            raise ConfigError(unknown_name(f"goal of {self.name}", goal, self.goals))
        return BreadExpert(goal)


def _turned(yaw_rad: float) -> NDArray[np.float64]:
    return matrix_from_rotvec([0.0, 0.0, yaw_rad])
