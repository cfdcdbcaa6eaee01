"""Stack: put the red cube on the green plate and let go.

Hand-Eye Action Networks, section V-A: cube and plate each start in a box of their own; the strips
beside those boxes are for extrapolation. Sizes are ours, the paper gives none.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.cube import CUBE_M, add_cube, holds_cube
from visuomotor.sim.tasks.motion import POINTING_DOWN, funnel, toward
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.twins import TWINS, add_twin, dress_twin
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

CUBE_AREA = Area((0.48, -0.13), (0.08, 0.07), (0.16, 0.07), sigma_m=(0.04, 0.035))
PLATE_AREA = Area((0.48, 0.13), (0.08, 0.07), (0.16, 0.07), sigma_m=(0.04, 0.035))
"""Strips of 8 cm before and behind each box: farther to a side the front camera ends."""
PLATE_RADIUS_M = 0.05
PLATE_M = 0.012  # high
PLACED_M = 0.035
"""How far from the plate's centre the cube's may be."""
CLEAR_M = 0.05
"""How far the hand must be from the placed cube."""
_RESTING_M = PLATE_M + CUBE_M / 2


class Stack:
    """The task; the cube counts once it rests on the plate and the hand has left it."""

    name = "stack"
    objects = ("cube", "plate")
    horizon_steps = 260
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain", *TWINS))
        self._variant = variant

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """Lift's cube, and a flat green plate with a darker middle."""
        add_cube(world, asset, "cube")
        body = ET.SubElement(world, "body", name="plate", pos=f"0.5 0.13 {PLATE_M / 2}")
        ET.SubElement(body, "freejoint", name="plate")
        ET.SubElement(
            body,
            "geom",
            name="plate",
            type="cylinder",
            size=f"{PLATE_RADIUS_M} {PLATE_M / 2}",
            mass="0.2",
            rgba=".12 .55 .22 1",
            condim="4",
            friction="1.0 0.02 0.0005",
        )
        ET.SubElement(
            body,
            "geom",
            name="plate_middle",
            type="cylinder",
            size=f"{0.6 * PLATE_RADIUS_M} {PLATE_M / 2 + 0.0004}",
            mass="0",
            rgba=".06 .34 .14 1",
            contype="0",
            conaffinity="0",
        )
        add_twin(world, self._variant)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Cube, with a yaw of up to 0.3 rad, and plate in their boxes; the hand above both."""
        cube, plate = CUBE_AREA.draw(rng, region), PLATE_AREA.draw(rng, region)
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-0.3, 0.3)])
        start = np.array([0.48, 0.0, 0.25]) + rng.uniform(-1, 1, 3) * (0.06, 0.06, 0.05)
        objects = {
            "cube": pose(yaw, (*cube, CUBE_M / 2)),
            "plate": pose(np.eye(3), (*plate, PLATE_M / 2)),
        }
        return objects, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """Both look the same in every episode; a twin's additions have other places."""
        dress_twin(model, rng, self._variant, [objects[n][:2, 3] for n in self.objects])
        return objects

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube rests on the plate, on any face, and the hand is away from it."""
        away = np.linalg.norm(robot.T_base_ee[:3, 3] - objects["cube"][:3, 3]) > CLEAR_M
        return bool(away) and on_plate(objects)

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """How far the cube is from the middle of the plate's top, m."""
        T = objects["plate"]
        top = T[:3, 3] + (_RESTING_M - PLATE_M / 2) * T[:3, 2]
        return float(np.linalg.norm(objects["cube"][:3, 3] - top)), 0.0

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The plate while the hand carries the cube, and once the cube lies there."""
        carries = holds_cube(robot, objects["cube"][:3, 3])
        return "plate" if carries or on_plate(objects) else "cube"

    def expert(self) -> Expert:
        """A new expert."""
        return StackExpert()


def on_plate(objects: Poses) -> bool:
    """Whether the cube rests on the plate, on any of its faces."""
    cube, plate = objects["cube"], objects["plate"]
    local = plate[:3, :3].T @ (cube[:3, 3] - plate[:3, 3])
    inside = float(np.hypot(local[0], local[1])) < PLACED_M
    resting = abs(float(local[2]) - (_RESTING_M - PLATE_M / 2)) < 0.006
    flat = np.abs(plate[:3, 2] @ cube[:3, :3]).max() > 0.98
    return bool(inside and resting and flat)


class StackExpert:
    """Feedback on the true state alone: funnel in, close, raise, cross, funnel down, open, rise."""

    lead_m = 0.02
    carried_m = 0.13  # the hand's height while it crosses
    retreat_m = 0.16

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target: a pose that leads the hand, pointing down, and open or closed."""
        hand, cube = robot.T_base_ee[:3, 3], objects["cube"][:3, 3]
        if holds_cube(robot, cube):
            goal, width = self._carry(hand, cube, objects["plate"][:3, 3])
        elif on_plate(objects):
            goal, width = np.array([*hand[:2], self.retreat_m]), MAX_GRIPPER_WIDTH_M
        else:
            goal, there = funnel(hand, cube)
            width = 0.0 if there else MAX_GRIPPER_WIDTH_M
        return Action(toward(robot.T_base_ee, goal, self.lead_m), width)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube lies on the plate and the hand is well above it."""
        above = float(robot.T_base_ee[2, 3] - objects["cube"][2, 3])
        return above > self.retreat_m - _RESTING_M - 0.02 and on_plate(objects)

    def _carry(
        self, hand: NDArray[np.float64], cube: NDArray[np.float64], plate: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """Over the plate at a safe height, then down on it; opens once the cube rests."""
        aside = plate[:2] - cube[:2]
        distance = float(np.linalg.norm(aside))
        grip = float(hand[2] - cube[2])
        resting = plate[2] + PLATE_M / 2 + CUBE_M / 2
        if distance < 0.018 and cube[2] < resting + 0.006:
            return hand.copy(), MAX_GRIPPER_WIDTH_M
        height = resting + grip + float(np.clip(4.0 * (distance - 0.008), -0.004, 0.10))
        raised = float(np.clip((hand[2] - 0.04) / 0.06, 0.0, 1.0)) if distance > 0.03 else 1.0
        return np.array([*(hand[:2] + raised * aside), max(height, 0.0)]), 0.0
