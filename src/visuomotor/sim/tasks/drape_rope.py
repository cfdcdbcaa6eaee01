"""Drape rope: lay a rope over a bar by the block at its end, and let go.

A deformable object, in place of the hats and shoes of Florence et al. 2020; the task is ours.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose, quat_xyzw_from_matrix
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.motion import down_with_yaw, toward, yaw_of
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

AREA = Area((0.55, -0.06), (0.05, 0.04), (0.09, 0.08), sigma_m=(0.025, 0.02))
HEADING_RAD = float(np.deg2rad(25))  # of the rope about -y
BAR_Y_M, BAR_Z_M, BAR_X_M = 0.08, 0.12, (0.40, 0.70)
BLOCK_M = 0.03
LINKS = 10
LINK_M = 0.025
_RADIUS_M = 0.006
_BEND_RAD = 0.35  # between neighbouring links at the start, at most


class DrapeRope:
    """The block's x axis points along the rope, away from it."""

    name = "drape_rope"
    objects = ("block", *(f"rope_{i}" for i in range(LINKS)))
    horizon_steps = 200
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain",))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """The rack, and the block with its rope of capsules on ball joints."""
        _add_rack(world)
        body = ET.SubElement(world, "body", name="block", pos=f"0.55 0 {BLOCK_M / 2}")
        ET.SubElement(body, "freejoint", name="block")
        ET.SubElement(
            body,
            "geom",
            name="block",
            type="box",
            size=" ".join([str(BLOCK_M / 2)] * 3),
            mass="0.05",
            rgba=".80 .15 .10 1",
            condim="4",
            friction="1.2 0.02 0.0005",
        )
        at = f"{-BLOCK_M / 2} 0 {_RADIUS_M - BLOCK_M / 2}"
        for i in range(LINKS):
            body = ET.SubElement(body, "body", name=f"rope_{i}", pos=at)
            ET.SubElement(
                body,
                "joint",
                name=f"rope_{i}",
                type="ball",
                damping="0.0004",
                armature="0.00002",
            )
            ET.SubElement(
                body,
                "geom",
                name=f"rope_{i}",
                type="capsule",
                fromto=f"0 0 0 {-LINK_M} 0 0",
                size=str(_RADIUS_M),
                mass="0.005",
                rgba=".15 .35 .70 1" if i % 2 else ".90 .80 .25 1",
                friction="0.5 0.005 0.0001",
            )
            at = f"{-LINK_M} 0 0"

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """The block in its area before the bar, the rope behind it; the hand above."""
        place = AREA.draw(rng, region)
        yaw = np.pi / 2 + rng.uniform(-HEADING_RAD, HEADING_RAD)
        block = pose(matrix_from_rotvec([0.0, 0.0, yaw]), (*place, BLOCK_M / 2))
        start = np.array([0.50, -0.05, 0.25]) + rng.uniform(-1, 1, 3) * (0.05, 0.05, 0.04)
        return {"block": block}, pose(down_with_yaw(np.pi / 2), start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """A bow in the rope: its links' joints start turned about the vertical."""
        bow, wave = rng.uniform(-1, 1), rng.uniform(-1, 1)
        for i in range(1, LINKS):
            bend = _BEND_RAD * (0.6 * bow + 0.4 * wave * np.sin(2 * np.pi * i / LINKS))
            x, y, z, w = quat_xyzw_from_matrix(matrix_from_rotvec([0.0, 0.0, bend]))
            model.joint(f"rope_{i}").qpos0[:] = (w, x, y, z)
        return objects

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the rope hangs over the bar, the block on the table beyond it, let go."""
        places = np.array([objects[f"rope_{i}"][:3, 3] for i in range(LINKS)])
        over = bool((places[:, 2] > BAR_Z_M).any())
        hangs = bool(places[-1, 1] < BAR_Y_M)
        away = float(np.linalg.norm(robot.T_base_ee[:3, 3] - objects["block"][:3, 3])) > 0.05
        return over and hangs and away and placed(objects)

    def error(self, robot: RobotState, objects: Poses) -> None:
        """None: no one distance says how far a rope is from being draped."""

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The block, all along."""
        return "block"

    def expert(self) -> Expert:
        """A new expert."""
        return DrapeRopeExpert()


def placed(objects: Poses) -> bool:
    """Whether the block lies on the table beyond the bar."""
    block = objects["block"][:3, 3]
    return bool(block[1] > BAR_Y_M + 0.05 and block[2] < BLOCK_M / 2 + 0.01)


def _add_rack(world: ET.Element) -> None:
    low, high = BAR_X_M
    bars = {
        "bar": (low, BAR_Z_M, high),
        "post_low": (low, 0.0, low),
        "post_high": (high, 0.0, high),
    }
    for name, (x, z, to_x) in bars.items():
        ET.SubElement(
            world,
            "geom",
            name=name,
            type="capsule",
            fromto=f"{x} {BAR_Y_M} {z} {to_x} {BAR_Y_M} {BAR_Z_M}",
            size="0.008",
            rgba=".25 .55 .30 1",
            friction="0.4 0.005 0.0001",
        )


class DrapeRopeExpert:
    """Feedback on the true state alone: grasp, raise, carry across, set down, let go, rise."""

    lead_m = 0.02
    grasp_m = 0.016  # height of fr3_hand_tcp
    across_m = 0.23
    beyond_y_m = BAR_Y_M + 0.10

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target; the palm stays parallel to the bar, so that it fits beside it."""
        T, block = robot.T_base_ee, objects["block"]
        hand, at = T[:3, 3], block[:3, 3]
        yaw, width = np.pi / 2, MAX_GRIPPER_WIDTH_M
        if self._holds(robot, objects):
            goal, width = self._carry(hand), 0.0
            if placed(objects) and hand[2] < self.grasp_m + 0.008:
                goal, width = hand, MAX_GRIPPER_WIDTH_M
        elif placed(objects):
            goal = np.array([*hand[:2], self.across_m])
        else:
            aside = float(np.linalg.norm(hand[:2] - at[:2]))
            above = float(np.clip(4.0 * (aside - 0.008), 0.0, 0.10))
            goal = np.array([*at[:2], self.grasp_m + above])
            yaw = yaw_of(block)
            close = aside < 0.010 and float(hand[2]) < self.grasp_m + 0.006
            width = 0.0 if close else MAX_GRIPPER_WIDTH_M
        return Action(toward(T, goal, self.lead_m, down_with_yaw(yaw), 0.08), width)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the block is set down and the hand away from it."""
        return bool(placed(objects) and robot.T_base_ee[2, 3] > 0.10)

    def _carry(self, hand: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3,) up, across the bar, down: each leg begins before the one before it ends."""
        y, z = float(hand[1]), float(hand[2])
        short = self.beyond_y_m - y
        if short < 0.02:
            return np.array([hand[0], self.beyond_y_m, self.grasp_m - 0.002])
        free = float(np.clip((z - self.across_m + 0.04) / 0.03, 0.0, 1.0))
        return np.array([hand[0], y + free * short, self.across_m])

    @staticmethod
    def _holds(robot: RobotState, objects: Poses) -> bool:
        near = np.linalg.norm(robot.T_base_ee[:3, 3] - objects["block"][:3, 3]) < 0.022
        return bool(near and 0.02 < robot.gripper_width_m < BLOCK_M + 0.004)
