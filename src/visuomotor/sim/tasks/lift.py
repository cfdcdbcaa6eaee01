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
from visuomotor.sim.tasks.motion import POINTING_DOWN
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

CUBE_M = 0.04
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
        check_variant(self.name, variant, ("plain",))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """The red cube, with darker marks on its faces."""
        ET.SubElement(
            asset,
            "texture",
            name="cube",
            type="cube",
            builtin="flat",
            mark="cross",
            rgb1=".80 .12 .10",
            rgb2=".85 .40 .10",
            markrgb=".45 .05 .12",
            width="64",
            height="64",
        )
        ET.SubElement(asset, "material", name="cube", texture="cube", specular="0.1")
        body = ET.SubElement(world, "body", name="cube", pos=f"0.5 0 {CUBE_M / 2}")
        ET.SubElement(body, "freejoint", name="cube")
        ET.SubElement(
            body,
            "geom",
            name="cube",
            type="box",
            size=" ".join([str(CUBE_M / 2)] * 3),
            mass="0.05",
            material="cube",
            condim="4",
            friction="1.2 0.02 0.0005",
        )

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Cube on the table with a yaw of up to 0.3 rad; the hand 20 to 30 cm above the table."""
        place = AREA.draw(rng, region)
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-0.3, 0.3)])
        cube = pose(yaw, (*place, CUBE_M / 2))
        start = (*TABLE_CENTRE_M, 0.25) + rng.uniform(-1, 1, 3) * (0.06, 0.06, 0.05)
        return {"cube": cube}, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """The cube looks the same in every episode."""
        return objects

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube's centre is 10 cm above where it lay."""
        return bool(objects["cube"][2, 3] >= CUBE_M / 2 + LIFT_M)

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """How far the cube is short of its height, m."""
        return max(0.0, CUBE_M / 2 + LIFT_M - float(objects["cube"][2, 3])), 0.0

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
        if self._holds(robot, objects):
            goal, width = np.array([*hand[:2], self.raised_m]), 0.0
        else:
            aside = float(np.linalg.norm(hand[:2] - cube[:2]))
            above = float(hand[2] - cube[2])
            funnel = float(np.clip(4.0 * (aside - 0.008), 0.0, 0.10))
            goal = np.array([*cube[:2], cube[2] + funnel])
            width = 0.0 if aside < 0.012 and above < 0.012 else MAX_GRIPPER_WIDTH_M
        step = goal - hand
        step *= min(1.0, self.lead_m / max(float(np.linalg.norm(step)), 1e-9))
        return Action(pose(POINTING_DOWN, hand + step), width)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube hangs at its final height."""
        return bool(objects["cube"][2, 3] > self.raised_m - 0.01)

    @staticmethod
    def _holds(robot: RobotState, objects: Poses) -> bool:
        near = np.linalg.norm(robot.T_base_ee[:3, 3] - objects["cube"][:3, 3]) < 0.025
        return bool(near and 0.03 < robot.gripper_width_m < CUBE_M + 0.003)
