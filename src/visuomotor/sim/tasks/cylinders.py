"""Cylinders on the table as skills practise with, at half their size: what a Franka hand spans.

Petrik et al. 2020, appendix B: radius 4 to 5 cm, height 4 to 10 cm (easy: 6 to 8), among fingers
that open 15 cm. Half of that, as everything of a skill is scaled for this arm (docs/skills.md).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.geometry import pose
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.motion import POINTING_DOWN, funnel, toward
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

SCALE = 0.5
RADIUS_M = (0.04 * SCALE, 0.05 * SCALE)
HEIGHT_M = {False: (0.06 * SCALE, 0.08 * SCALE), True: (0.04 * SCALE, 0.10 * SCALE)}
"""Of the easy starts, and of the hard ones: region `extrapolation`."""
MASS_KG = 1.0 * SCALE**3
LIFTED_M = 0.01
AREA = Area((0.50, 0.0), (0.05, 0.08), (0.08, 0.16), sigma_m=(0.025, 0.04))
APART_M = (0.15, 0.18)
"""Between the standing cylinder and the one beside it, along y."""
_ALONE = ("object", "object_top")
_RGBA = {"object": ".30 .50 .80 1", "static": ".40 .70 .40 1"}


class Cylinders:
    """One cylinder, or two: `object`, which is moved, and `static`, which stays.

    Which action is done with them nobody says: `success` is what holds in any frame, the object
    1 cm above the table (`pick_up`), with two of them on top of the other (`put_onto`). All nine
    actions' metrics need the frame and the whole motion: `visuomotor skill arm`. The landmark
    `object_top` is on the object's axis, at its upper face.
    """

    horizon_steps = 800
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, name: str, variant: Variant = "plain") -> None:
        check_variant(name, variant, ("plain",))
        self.name, self._two = name, name == "cylinders"
        self.objects = ("static", *_ALONE) if self._two else _ALONE

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """The cylinders at their largest, and the landmark."""
        radius, height = RADIUS_M[1], HEIGHT_M[True][1]
        for i, name in enumerate(self._bodies):
            body = ET.SubElement(world, "body", name=name, pos=f"0.5 {0.2 * i} {height / 2}")
            ET.SubElement(body, "freejoint", name=name)
            if name == "object":
                ET.SubElement(body, "body", name="object_top", pos=f"0 0 {height / 2}")
            ET.SubElement(
                body,
                "geom",
                name=name,
                type="cylinder",
                size=f"{radius} {height / 2}",
                mass=str(MASS_KG),
                rgba=_RGBA[name],
                condim="4",
                friction="1.0 0.01 0.0005",
            )

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """The first one in its area, the other beside it; the hand above, pointing down.

        Their heights are drawn when they are dressed, for the same seed and region.
        """
        place = AREA.draw(rng, region)
        apart = rng.uniform(*APART_M) * (-1.0 if place[1] > 0 else 1.0)
        aside = np.array([rng.uniform(-0.06, 0.0), apart])
        high = HEIGHT_M[region == "extrapolation"]
        start = np.array([0.45, 0.0, 0.28]) + rng.uniform(-1, 1, 3) * (0.04, 0.04, 0.03)
        poses = {}
        for name, at in zip(self._bodies, (place, place + aside), strict=False):
            poses[name] = pose(np.eye(3), (*at, rng.uniform(*high) / 2))
        return poses, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """Radii drawn; heights are those that the places were drawn for."""
        for name in self._bodies:
            half = float(objects[name][2, 3])
            model.geom(name).size[:2] = rng.uniform(*RADIUS_M), half
        model.body("object_top").pos[2] = float(objects["object"][2, 3])
        return objects

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the object is 1 cm above the table, or upon the static one."""
        bottom = 2 * objects["object"][:3, 3] - objects["object_top"][:3, 3]
        if not self._two:
            return bool(bottom[2] > LIFTED_M)
        static = objects["static"][:3, 3]
        off = float(np.linalg.norm(objects["object"][:2, 3] - static[:2]))
        left = float(np.linalg.norm(robot.T_base_ee[:3, 3] - objects["object"][:3, 3])) > 0.05
        return bool(off < RADIUS_M[0] and abs(bottom[2] - 2 * static[2]) < 0.004 and left)

    def error(self, robot: RobotState, objects: Poses) -> None:
        """None: it depends on the action."""

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The object, all along."""
        return "object"

    def expert(self) -> Expert:
        """A new expert."""
        return CylindersExpert()

    @property
    def _bodies(self) -> tuple[str, ...]:
        return ("static", "object") if self._two else ("object",)


def cylinder(variant: Variant = "plain") -> Cylinders:
    """One cylinder."""
    return Cylinders("cylinder", variant)


def cylinders(variant: Variant = "plain") -> Cylinders:
    """Two of them."""
    return Cylinders("cylinders", variant)


class CylindersExpert:
    """From above: takes the object, raises it, and where there is another puts it on that."""

    lead_m = 0.02
    raised_m = 0.12
    lowest_m = 0.012  # of fr3_hand_tcp; the fingertips reach 1 cm lower

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target; the hand points down."""
        hand, thing = robot.T_base_ee[:3, 3], objects["object"][:3, 3]
        held = robot.gripper_width_m < 2 * RADIUS_M[1] + 0.003
        if np.linalg.norm(hand - thing) < 0.02 and held:
            goal, width = self._carry(hand, objects)
        elif _upon(objects):
            goal, width = np.array([*hand[:2], self.raised_m + 0.06]), MAX_GRIPPER_WIDTH_M
        else:
            goal, there = funnel(hand, np.array([*thing[:2], max(thing[2], self.lowest_m)]))
            width = 0.0 if there else MAX_GRIPPER_WIDTH_M
        return Action(toward(robot.T_base_ee, goal, self.lead_m), width)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the object hangs at its height, or stands on the other and the hand is away."""
        if "static" not in objects:
            return bool(objects["object_top"][2, 3] > self.raised_m - 0.02)
        return _upon(objects) and bool(robot.T_base_ee[2, 3] > self.raised_m + 0.03)

    def _carry(
        self, hand: NDArray[np.float64], objects: Poses
    ) -> tuple[NDArray[np.float64], float]:
        if "static" not in objects:
            return np.array([*hand[:2], self.raised_m]), 0.0
        thing, static = objects["object"][:3, 3], objects["static"][:3, 3]
        aside = static[:2] - thing[:2]
        if _upon(objects):
            return hand.copy(), MAX_GRIPPER_WIDTH_M
        bottom = 2 * thing[2] - objects["object_top"][2, 3]
        low = float(np.linalg.norm(aside)) < 0.006
        down = 2 * static[2] - bottom if low else self.raised_m - hand[2]
        across = aside if low or hand[2] > self.raised_m - 0.02 else np.zeros(2)
        return np.array([*(hand[:2] + across), hand[2] + down]), 0.0


def _upon(objects: Poses) -> bool:
    """Whether the object stands, or is held just so, on the static one."""
    if "static" not in objects:
        return False
    bottom = 2 * objects["object"][:3, 3] - objects["object_top"][:3, 3]
    off = np.linalg.norm(objects["object"][:2, 3] - objects["static"][:2, 3])
    return bool(off < 0.012 and bottom[2] - 2 * objects["static"][2, 3] < 0.002)
