"""Lift: grasp a 4 cm cube on the table and raise it 10 cm."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.scene import TABLE_CENTRE_M
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.cube import CUBE_M, add_cube, holds_cube
from visuomotor.sim.tasks.motion import POINTING_DOWN, funnel
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.twins import TWINS, add_twin, dress_twin
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

LIFT_M = 0.10
AREA = Area(TABLE_CENTRE_M, (0.10, 0.10), (0.20, 0.20), sigma_m=(0.05, 0.05))


class Lift:
    """The task; regions as in Hand-Eye Action Networks (interpolation square, ring around it)."""

    name = "lift"
    objects = ("cube",)
    horizon_steps = 120
    hold_s = 0.0
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain", *TWINS))
        self._variant = variant

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """The red cube, with darker marks on its faces."""
        add_cube(world, asset, "cube")
        add_twin(world, self._variant)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Cube on the table with a yaw of up to 0.3 rad; the hand 20 to 30 cm above the table."""
        place = AREA.draw(rng, region)
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-0.3, 0.3)])
        cube = pose(yaw, (*place, CUBE_M / 2))
        start = (*TABLE_CENTRE_M, 0.25) + rng.uniform(-1, 1, 3) * (0.06, 0.06, 0.05)
        return {"cube": cube}, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """The cube looks the same in every episode; a twin's additions have other places."""
        dress_twin(model, rng, self._variant, [objects["cube"][:2, 3]])
        return objects

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube's centre is 10 cm above where it lay."""
        return bool(objects["cube"][2, 3] >= CUBE_M / 2 + LIFT_M)

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """How far the cube is short of its height, m."""
        return max(0.0, CUBE_M / 2 + LIFT_M - float(objects["cube"][2, 3])), 0.0

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The cube, all along."""
        return "cube"

    def expert(self) -> Expert:
        """A new expert."""
        return LiftExpert()


class LiftExpert:
    """Feedback on the true state alone (no memory, no clock): funnel in, close, raise.

    The target leads the hand by at most `lead_m`, so the arm moves at a steady speed and the
    action is a smooth function of the state, which is what a memoryless policy can learn.
    """

    lead_m = 0.02
    raised_m = CUBE_M / 2 + LIFT_M + 0.04

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target: a pose that leads the hand, pointing down, and open or closed."""
        hand, cube = robot.T_base_ee[:3, 3], objects["cube"][:3, 3]
        if holds_cube(robot, cube):
            goal, width = np.array([*hand[:2], self.raised_m]), 0.0
        else:
            goal, there = funnel(hand, cube)
            width = 0.0 if there else MAX_GRIPPER_WIDTH_M
        step = goal - hand
        step *= min(1.0, self.lead_m / max(float(np.linalg.norm(step)), 1e-9))
        return Action(pose(POINTING_DOWN, hand + step), width)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube hangs at its final height."""
        return bool(objects["cube"][2, 3] > self.raised_m - 0.01)
