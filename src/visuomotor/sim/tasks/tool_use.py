"""Tool use: fetch a cube from beyond a line with a hook, and put it into a ring.

Hand-Eye Action Networks, section V-A. The hand may not pass the line: here a wall stands on it
that stops the hand alone and that no camera sees. Sizes and regions are ours.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.robot import PREFIX
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.cube import CUBE_M, add_cube, holds_cube
from visuomotor.sim.tasks.motion import POINTING_DOWN, funnel, toward
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

LINE_X_M = 0.60
TOOL_AREA = Area((0.40, -0.17), (0.03, 0.03), (0.06, 0.06), sigma_m=(0.015, 0.015))
CUBE_AREA = Area((0.68, 0.0), (0.02, 0.04), (0.04, 0.08), sigma_m=(0.01, 0.02))
RING_AREA = Area((0.44, 0.19), (0.04, 0.04), (0.08, 0.07), sigma_m=(0.02, 0.02))
BAR_M = 0.022
"""Thickness of the tool's handle and of its crossbar."""
CROSSBAR_M = (0.20, 0.045)
"""Middle of the crossbar, from where the handle is to be held."""
HOOK_M = (CROSSBAR_M[0] - BAR_M / 2 - CUBE_M / 2, 0.066)
"""Where a cube lies that the crossbar touches."""
RING_INSIDE_M = 0.040
RING_M = 0.015  # high
FETCHED_X_M = 0.545
"""A cube that is nearer lies well before the line."""
_RING_WALL_M = 0.008
_RING_PARTS = 12
_WALL_BEFORE_M = 0.03  # half the hand's thickness


class ToolUse:
    """Objects: cube, ring, tool (at the middle of its handle), hook (landmark of the tool)."""

    name = "tool_use"
    objects = ("cube", "ring", "tool", "hook")
    horizon_steps = 450
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain", "noisy_depth"))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """A blue cube, a wooden ring, a grey hook, the line and its wall."""
        add_cube(world, asset, "cube", (".12 .25 .75", ".20 .45 .85", ".06 .10 .40"))
        _add_ring(world)
        _add_tool(world)
        _add_line(world)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Each in its own area, the cube turned by up to 0.2 rad; the hand above the middle."""
        tool, cube, ring = (a.draw(rng, region) for a in (TOOL_AREA, CUBE_AREA, RING_AREA))
        while _touch(tool, cube):
            tool, cube = (a.draw(rng, region) for a in (TOOL_AREA, CUBE_AREA))
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-0.2, 0.2)])
        start = np.array([0.45, 0.0, 0.25]) + rng.uniform(-1, 1, 3) * (0.05, 0.06, 0.05)
        objects = {
            "cube": pose(yaw, (*cube, CUBE_M / 2)),
            "ring": pose(np.eye(3), (*ring, RING_M / 2)),
            "tool": pose(np.eye(3), (*tool, BAR_M / 2)),
        }
        return objects, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """They look the same in every episode."""
        return objects

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube lies in the ring and the hand is away from it."""
        away = np.linalg.norm(robot.T_base_ee[:3, 3] - objects["cube"][:3, 3]) > 0.05
        return bool(away) and in_ring(objects)

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """How far the cube is from its place in the ring, m."""
        place = np.add(objects["ring"][:3, 3], (0.0, 0.0, (CUBE_M - RING_M) / 2))
        return float(np.linalg.norm(objects["cube"][:3, 3] - place)), 0.0

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The tool until it is held, the cube until it is fetched and held, then the ring."""
        cube = objects["cube"][:3, 3]
        if holds_cube(robot, cube) or in_ring(objects):
            return "ring"
        if cube[0] < FETCHED_X_M or holds_tool(robot, objects["tool"]):
            return "cube"
        return "tool"

    def expert(self) -> Expert:
        """A new expert."""
        return ToolUseExpert()


def in_ring(objects: Poses) -> bool:
    """Whether the cube stands on the table within the ring."""
    cube, ring = objects["cube"][:3, 3], objects["ring"][:3, 3]
    inside = float(np.hypot(*(cube[:2] - ring[:2]))) < RING_INSIDE_M - CUBE_M / 2 + 0.004
    return inside and bool(cube[2] < CUBE_M / 2 + 0.005)


def _add_ring(world: ET.Element) -> None:
    body = ET.SubElement(world, "body", name="ring", pos=f"0.44 0.19 {RING_M / 2}")
    ET.SubElement(body, "freejoint", name="ring")
    radius = RING_INSIDE_M + _RING_WALL_M
    half = radius * np.tan(np.pi / _RING_PARTS) + 0.001
    for i in range(_RING_PARTS):
        angle = 2 * np.pi * i / _RING_PARTS
        ET.SubElement(
            body,
            "geom",
            name=f"ring_{i}",
            type="box",
            size=f"{_RING_WALL_M} {half:.6g} {RING_M / 2}",
            pos=f"{radius * np.cos(angle):.6g} {radius * np.sin(angle):.6g} 0",
            euler=f"0 0 {angle:.6g}",
            mass="0.04",
            rgba=".72 .52 .28 1",
            friction="0.8 0.01 0.0005",
        )


def _touch(tool: NDArray[np.float64], cube: NDArray[np.float64]) -> bool:
    """Whether a cube (2,), however turned, would stand in the crossbar of a tool (2,)."""
    half = np.array([BAR_M / 2, CROSSBAR_M[1] + BAR_M / 2]) + CUBE_M / np.sqrt(2)
    return bool((np.abs(cube - tool - CROSSBAR_M) < half).all())


def _add_tool(world: ET.Element) -> None:
    body = ET.SubElement(world, "body", name="tool", pos=f"0.4 -0.17 {BAR_M / 2}")
    ET.SubElement(body, "freejoint", name="tool")
    half = BAR_M / 2
    for name, at, size in (
        ("handle", (0.0695, 0.0), (0.1195, half)),
        ("crossbar", CROSSBAR_M, (half, CROSSBAR_M[1] + half)),
    ):
        ET.SubElement(
            body,
            "geom",
            name=f"tool_{name}",
            type="box",
            size=f"{size[0]} {size[1]} {half}",
            pos=f"{at[0]} {at[1]} 0",
            mass="0.05" if name == "handle" else "0.02",
            rgba=".35 .36 .40 1" if name == "handle" else ".85 .65 .10 1",
            condim="4",
            friction="1.0 0.02 0.0005",
        )
    ET.SubElement(body, "body", name="hook", pos=f"{HOOK_M[0]} {HOOK_M[1]} 0")


def _add_line(world: ET.Element) -> None:
    """Dashes on the table, and above them a wall that only the hand runs into."""
    for i in range(12):
        ET.SubElement(
            world,
            "geom",
            name=f"dash_{i}",
            type="box",
            size="0.002 0.012 0.0004",
            pos=f"{LINE_X_M} {-0.33 + 0.06 * i:.4g} 0",
            rgba=".95 .95 .95 1",
            contype="0",
            conaffinity="0",
        )
    ET.SubElement(
        world,
        "geom",
        name="wall",
        type="box",
        size="0.02 0.6 0.3",
        pos=f"{LINE_X_M + _WALL_BEFORE_M + 0.02} 0 0.3",
        group="3",  # not drawn
        contype="2",
        conaffinity="0",
    )
    hand = next(b for b in world.iter("body") if b.get("name") == f"{PREFIX}hand")
    for geom in hand.iter("geom"):
        if geom.get("class") != "visual" and geom.get("conaffinity") != "0":
            geom.set("conaffinity", "3")


class ToolUseExpert:
    """Feedback on the true state alone.

    Takes the tool, lowers its hook behind the cube, pulls the cube across the line, lets go of
    the tool, takes the cube by its upper part and sets it down in the ring.
    """

    lead_m = 0.02
    over_m = 0.085  # the tool's height on its way over the cube
    carried_m = 0.12
    grip_m = 0.010  # above the cube's centre, so that the fingers stay above the ring

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target: a pose that leads the hand, pointing down, and open or closed."""
        hand, cube, tool = robot.T_base_ee[:3, 3], objects["cube"][:3, 3], objects["tool"]
        fetched = bool(cube[0] < FETCHED_X_M)
        width = MAX_GRIPPER_WIDTH_M
        if holds_cube(robot, cube):
            goal, width = self._carry(hand, cube, objects["ring"][:3, 3])
        elif in_ring(objects):
            goal = np.array([*hand[:2], self.carried_m])
        elif holds_tool(robot, tool):
            if fetched and hand[2] < 0.02:
                goal = hand.copy()
            else:
                goal, width = self._hook(hand, cube, objects["hook"][:3, 3], fetched), 0.0
        else:
            place = np.add(cube, (0.0, 0.0, self.grip_m)) if fetched else tool[:3, 3]
            goal, there = self._come_down(hand, place)
            width = 0.0 if there else width
        return Action(toward(robot.T_base_ee, goal, self.lead_m), width)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the cube is in the ring and the hand above it."""
        return bool(robot.T_base_ee[2, 3] > 0.09) and in_ring(objects)

    def _come_down(
        self, hand: NDArray[np.float64], place: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], bool]:
        """As `funnel`, but straight up first from where something lies between the fingers."""
        goal, there = funnel(hand, place)
        if float(np.linalg.norm(hand[:2] - place[:2])) > 0.03 and hand[2] < 0.07:
            goal[:2] = hand[:2] + (goal[:2] - hand[:2]) * np.clip((hand[2] - 0.05) / 0.02, 0, 1)
        return goal, there

    def _hook(
        self,
        hand: NDArray[np.float64],
        cube: NDArray[np.float64],
        hook: NDArray[np.float64],
        fetched: bool,
    ) -> NDArray[np.float64]:
        """Over the cube to behind it, down, and back; down alone once it is fetched."""
        low = hand[2] - hook[2] + BAR_M / 2 + 0.004
        aside = np.add(cube[:2], (0.018, 0.0)) - hook[:2]
        behind = -0.02 < aside[0] < 0.04 and abs(aside[1]) < 0.03
        if fetched:
            return np.array([*hand[:2], low])
        if behind and hook[2] < BAR_M / 2 + 0.018:
            return np.array([hand[0] - self.lead_m, hand[1] + 0.3 * aside[1], low])
        if float(np.linalg.norm(aside)) < 0.012:
            return np.array([*(hand[:2] + aside), low])
        up = float(np.clip((hook[2] - self.over_m + 0.03) / 0.02, 0.0, 1.0))
        return np.array([*(hand[:2] + up * aside), low + self.over_m])

    def _carry(
        self, hand: NDArray[np.float64], cube: NDArray[np.float64], ring: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float]:
        """Over the ring at a safe height, then down into it; opens once the cube stands."""
        aside = ring[:2] - cube[:2]
        distance = float(np.linalg.norm(aside))
        grip = float(hand[2] - cube[2])
        if distance < 0.012 and cube[2] < CUBE_M / 2 + 0.005:
            return hand.copy(), MAX_GRIPPER_WIDTH_M
        down = float(np.clip(4.0 * (distance - 0.006), 0.0, self.carried_m))
        raised = float(np.clip((hand[2] - 0.05) / 0.05, 0.0, 1.0)) if distance > 0.02 else 1.0
        height = CUBE_M / 2 + grip - 0.003 + down
        return np.array([*(hand[:2] + raised * aside), height]), 0.0


def holds_tool(robot: RobotState, tool: NDArray[np.float64]) -> bool:
    """Whether the fingers are closed on the tool's handle."""
    local = tool[:3, :3].T @ (robot.T_base_ee[:3, 3] - tool[:3, 3])
    near = abs(local[0]) < 0.03 and abs(local[1]) < 0.015 and abs(local[2]) < 0.02
    return bool(near and BAR_M - 0.008 < robot.gripper_width_m < BAR_M + 0.003)
