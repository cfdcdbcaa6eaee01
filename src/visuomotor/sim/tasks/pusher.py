"""Pusher: push a mug onto a coaster.

Singh et al. 2017 (GPLAC), section 6.1, with the geometry of the environment that they published
(Gym's Pusher), which is kept in full size: its y, away from the arm's shoulder, is x here, and its
x is -y. What commands the arm (a Cartesian target and not seven torques), the expert and all looks
are ours.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.environments import SPLITS
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.distractors import clear_of, place_distractors
from visuomotor.sim.tasks.motion import POINTING_DOWN, down_with_yaw, toward
from visuomotor.sim.tasks.mug import HALF_HEIGHT_M
from visuomotor.sim.tasks.mug_on_coaster import (
    add_mug_and_coaster,
    enter_with_mug,
    off_the_coaster,
)
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

GOAL_M = (0.68, 0.0)
NOT_WITHIN_M = 0.17
TOLERANCE_M = 0.08
AREA = Area((GOAL_M[0] - 0.15, GOAL_M[1]), (0.15, 0.20), (0.15, 0.24), sigma_m=(0.075, 0.10))
_BEHIND_M = 0.09  # the hand comes as far behind the mug


class Pusher:
    """The landmark `goal` is the coaster's middle, which is the same in every episode."""

    name = "pusher"
    objects = ("mug", "goal")
    interest = "mug"
    horizon_steps = 100
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain", *SPLITS))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """Mug, coaster and distractors, and surfaces that change."""
        add_mug_and_coaster(world, asset, TOLERANCE_M, GOAL_M)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """The mug in its area but not near the coaster, turned at random; the hand before both."""
        place = AREA.draw(rng, region)
        while np.linalg.norm(place - GOAL_M) < NOT_WITHIN_M:
            place = AREA.draw(rng, region)
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-np.pi, np.pi)])
        start = np.array([0.33, 0.0, 0.16]) + rng.uniform(-1, 1, 3) * (0.02, 0.05, 0.02)
        return {"mug": pose(yaw, (*place, HALF_HEIGHT_M[1]))}, pose(POINTING_DOWN, start)

    def enter(self, model: mujoco.MjModel, environment_number: int) -> None:
        """The room, and the mug, coaster and distractors that belong to it."""
        enter_with_mug(model, environment_number)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """The mug stands on the table; the distractors stand beside its way."""
        mug = objects["mug"]
        place = mug[:2, 3]
        ahead = np.subtract(GOAL_M, place) / np.linalg.norm(np.subtract(GOAL_M, place))
        path = np.array([(0.33, 0.0), place - _BEHIND_M * ahead, GOAL_M])
        place_distractors(model, rng, clear_of(path, np.array([place, GOAL_M])))
        return {"mug": pose(mug[:3, :3], (*place, model.geom("mug").size[1]))}

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the mug's middle is within 8 cm of the coaster's."""
        return self.error(robot, objects)[0] < TOLERANCE_M

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """From the mug's middle to the coaster's, m; its heading does not count."""
        return off_the_coaster(objects)

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The mug, all along."""
        return "mug"

    def expert(self) -> Expert:
        """A new expert."""
        return PusherExpert()


class PusherExpert:
    """Takes the mug between two fingers' ends and pushes it ahead; no memory, no clock.

    The fingers make a fork that faces the coaster, as far as the wrist turns with ease. The hand
    comes down behind the mug, on the line through it from the coaster, and goes ahead.
    """

    height_m = 0.04  # of fr3_hand_tcp; the fingertips reach 1 cm lower
    gripper_m = 0.03
    behind_m = 0.075
    lead_m = 0.02
    hurry_m = 0.01  # more of it high above the table
    most_yaw_rad = 1.4
    stop_m = 0.02

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target."""
        T, mug = robot.T_base_ee, objects["mug"][:2, 3]
        to_goal = objects["goal"][:2, 3] - mug
        distance = float(np.linalg.norm(to_goal))
        u = to_goal / max(distance, 1e-9)
        left = np.array([-u[1], u[0]])
        out = T[:2, 3] - mug
        along, aside = float(out @ u), float(out @ left)
        near, lead_m = distance < self.stop_m, self.lead_m
        yaw = np.clip(np.arctan2(u[1], u[0]), -self.most_yaw_rad, self.most_yaw_rad)
        R = T[:3, :3] if near else down_with_yaw(float(yaw))
        if near:
            goal = T[:3, 3]
        elif T[2, 3] < self.height_m + 0.012 and abs(aside) < 0.02 and -0.11 < along < 0.0:
            ahead = min(lead_m, 0.006 + 0.5 * distance)
            goal = np.array([*(T[:2, 3] + ahead * u - 0.5 * aside * left), self.height_m])
        else:
            apart = float(np.hypot(along + self.behind_m, aside))
            rise = float(np.clip(3.0 * (apart - 0.012), 0.0, 0.07))
            goal = np.array([*(mug - self.behind_m * u), self.height_m + rise])
            lead_m += self.hurry_m * min(1.0, rise / 0.05)
        return Action(toward(T, goal, lead_m, R), self.gripper_m)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the mug stands on the coaster's middle."""
        away = float(np.linalg.norm(objects["mug"][:2, 3] - objects["goal"][:2, 3]))
        return away < self.stop_m + 0.005
