"""Reach: bring the hand to a pose beside a carton's end and hold it there; no gripper needed.

Florence et al. 2020, appendix: `reach_t` varies the carton's position alone, `reach_tr` its yaw
too. Sizes and regions are theirs, the pose to reach and the carton are ours.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose, rotation_angle
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.carton import add_carton, draw_look, dress_carton
from visuomotor.sim.tasks.motion import POINTING_DOWN, toward
from visuomotor.sim.tasks.surroundings import TEXTURELESS, add_clutter, dress_surroundings
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

AREA = Area((0.65, 0.0), (0.05, 0.20), (0.10, 0.28), sigma_m=(0.05, 0.10))
YAW_RAD = float(np.deg2rad(30))
TOLERANCE_M = 0.012
TOLERANCE_RAD = float(np.deg2rad(2))
ABOVE_M = 0.06
"""The goal's height above the carton's top, over a point near its corner at -x, +y."""
_OVER = (-0.6, 0.5)  # of the half extents
_CLUTTER_APART_M = 0.15


class Reach:
    """yaw_rad: how far the carton's heading varies; 0 also lifts the bound on the hand's."""

    objects = ("carton", "goal")
    horizon_steps = 120
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, name: str, yaw_rad: float, variant: Variant = "plain") -> None:
        check_variant(name, variant)
        self.name, self._yaw_rad, self._variant = name, yaw_rad, variant

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """The carton, the landmark `goal` fixed to it, and clutter."""
        carton = add_carton(world, asset, "carton", self._variant)
        ET.SubElement(carton, "body", name="goal", pos="0 0 0.1")
        if self._variant in TEXTURELESS:
            add_clutter(world, asset)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Carton in its area, turned by up to yaw_rad; the hand above the table's middle."""
        place = AREA.draw(rng, region)
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-self._yaw_rad, self._yaw_rad)])
        start = np.array([0.45, 0.0, 0.30]) + rng.uniform(-1, 1, 3) * (0.05, 0.10, 0.05)
        return {"carton": pose(yaw, (*place, 0.0))}, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """The instance, its goal, and the clutter away from it."""
        look = draw_look(self._variant, rng)
        T = dress_carton(model, "carton", look, self._variant, objects["carton"])
        over = np.multiply(_OVER, look.half_m[:2])
        model.body("goal").pos[:] = (*over, look.half_m[2] + ABOVE_M)
        if self._variant in TEXTURELESS:

            def free(place: NDArray[np.float64]) -> bool:
                return float(np.linalg.norm(place - T[:2, 3])) > _CLUTTER_APART_M

            dress_surroundings(model, rng, self._variant, free)
        return {"carton": T}

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Within 1.2 cm of the goal, and for a turned carton within 2 degrees."""
        distance_m, angle_rad = self.error(robot, objects)
        return distance_m < TOLERANCE_M and angle_rad < TOLERANCE_RAD

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """From the hand to the goal, in m and, for a turned carton, in rad."""
        goal, hand = objects["goal"], robot.T_base_ee
        distance_m = float(np.linalg.norm(goal[:3, 3] - hand[:3, 3]))
        if self._yaw_rad == 0:
            return distance_m, 0.0
        turn = goal[:3, :3] @ POINTING_DOWN @ hand[:3, :3].T
        return distance_m, float(rotation_angle(turn))

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The carton, all along."""
        return "carton"

    def expert(self) -> Expert:
        """A new expert."""
        return ReachExpert(self)


class ReachExpert:
    """Servoes the hand to the goal from the true state alone (no memory, no clock)."""

    lead_m = 0.02
    lead_rad = 0.08

    def __init__(self, task: Reach) -> None:
        self._task = task

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target: a pose that leads the hand; the gripper stays open."""
        goal = objects["goal"]
        target = toward(
            robot.T_base_ee,
            goal[:3, 3],
            self.lead_m,
            goal[:3, :3] @ POINTING_DOWN,
            self.lead_rad,
        )
        return Action(target, MAX_GRIPPER_WIDTH_M)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the hand is at the goal."""
        return self._task.success(robot, objects)


def reach_t(variant: Variant = "plain") -> Reach:
    """The carton's position varies; success within 1.2 cm."""
    return Reach("reach_t", 0.0, variant)


def reach_tr(variant: Variant = "plain") -> Reach:
    """Its position and yaw vary, +-30 degrees; success within 1.2 cm and 2 degrees."""
    return Reach("reach_tr", YAW_RAD, variant)
