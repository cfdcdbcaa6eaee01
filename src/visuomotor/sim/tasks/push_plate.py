"""Push plate: push a round plate to a place on the table, against random wrenches.

Florence et al. 2020, appendix. Start and goal are theirs; the wrenches, the plate, the wider area
and the expert are ours. The expert is static: feedback on the state alone.
"""

from __future__ import annotations

import colorsys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.motion import POINTING_DOWN, shortened, toward
from visuomotor.sim.tasks.push_box import clear_of_the_way
from visuomotor.sim.tasks.surroundings import TEXTURELESS, add_clutter, dress_surroundings
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant, instances
from visuomotor.sim.wrenches import WrenchPulses

AREA = Area((0.60, -0.16), (0.05, 0.04), (0.09, 0.08), sigma_m=(0.025, 0.02))
GOAL_M = (0.61, 0.15)
TOLERANCE_M = 0.01
WRENCHES = WrenchPulses("plate", force_n=4.0, torque_nm=0.1)
HALF_HEIGHT_M = 0.015  # of every instance
MASS_KG = 0.4
FRICTION = "0.4 0.005 0.0001"
_SKIN_M = 0.0004
_DOTS = 3


@dataclass(frozen=True)
class PlateLook:
    """radius_m; rgb of rim, middle (middle: its share of the radius) and three dots.

    dots: x, y and radius as shares of the plate's radius.
    """

    radius_m: float
    rim: tuple[float, float, float]
    middle: float
    inside: tuple[float, float, float]
    dots: tuple[tuple[float, float, float], ...]
    dot_rgb: tuple[tuple[float, float, float], ...]


PLAIN = PlateLook(
    0.075,
    (0.15, 0.35, 0.65),
    0.72,
    (0.85, 0.84, 0.78),
    ((0.35, 0.20, 0.24), (-0.35, 0.25, 0.14), (0.0, -0.42, 0.18)),
    ((0.80, 0.20, 0.10), (0.15, 0.50, 0.20), (0.30, 0.15, 0.45)),
)


def plate_look(instance: int) -> PlateLook:
    """The plate with that number, the same one every time."""
    rng = np.random.default_rng([instance, 73])

    def colour(low: float) -> tuple[float, float, float]:
        return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(low, 0.95))

    turn = rng.uniform(-np.pi, np.pi)
    dots = []
    for i in range(_DOTS):
        angle, out = turn + (i + rng.uniform(-0.2, 0.2)) * 2 * np.pi / _DOTS, rng.uniform(0.3, 0.5)
        dots.append((out * np.cos(angle), out * np.sin(angle), rng.uniform(0.10, 0.24)))
    return PlateLook(
        rng.uniform(0.055, 0.09),
        colour(0.3),
        rng.uniform(0.6, 0.85),
        colour(0.6),
        tuple(dots),
        tuple(colour(0.3) for _ in dots),
    )


def plate_looks(variant: Variant) -> Sequence[PlateLook]:
    """Every plate that the variant may show."""
    return [plate_look(i) for i in instances(variant)] or [PLAIN]


class PushPlate:
    """The landmark `rim` is a point on the plate's rim: its distance is the radius."""

    name = "push_plate"
    objects = ("plate", "rim")
    horizon_steps = 240
    hold_s = 0.25
    wrenches = WRENCHES

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant)
        self._variant = variant

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """The plate with its decoration and landmark, and clutter."""
        radius = max(look.radius_m for look in plate_looks(self._variant))
        body = ET.SubElement(world, "body", name="plate", pos="0.6 0 0.05")
        ET.SubElement(body, "freejoint", name="plate")
        ET.SubElement(body, "body", name="rim", pos=f"{radius} 0 0")
        ET.SubElement(
            body,
            "geom",
            name="plate",
            type="cylinder",
            size=f"{radius} {HALF_HEIGHT_M}",
            mass=str(MASS_KG),
            rgba=".2 .4 .6 1",
            condim="4",
            friction=FRICTION,
            priority="1",
        )
        for i, name in enumerate(("plate_middle", *(f"plate_dot_{i}" for i in range(_DOTS)))):
            ET.SubElement(
                body,
                "geom",
                name=name,
                type="cylinder",
                size=f"{radius} {HALF_HEIGHT_M + (i + 1) * _SKIN_M}",
                pos=f"{0.01 * i} 0.001 0",
                rgba=".8 .8 .8 1",
                mass="0",
                contype="0",
                conaffinity="0",
            )
        if self._variant in TEXTURELESS:
            add_clutter(world, asset)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Plate in its area, turned at random; the hand behind and above."""
        place = AREA.draw(rng, region)
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-np.pi, np.pi)])
        start = np.array([0.58, -0.33, 0.17]) + rng.uniform(-1, 1, 3) * (0.05, 0.03, 0.04)
        return {"plate": pose(yaw, (*place, HALF_HEIGHT_M))}, pose(POINTING_DOWN, start)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """The instance, and the clutter beside its way."""
        looks = plate_looks(self._variant)
        look = looks[int(rng.integers(len(looks)))]
        r = look.radius_m
        model.geom("plate").size[0], model.geom("plate").rgba[:3] = r, look.rim
        model.body("rim").pos[0] = r
        middle = model.geom("plate_middle")
        middle.size[0], middle.rgba[:3], middle.pos[:] = look.middle * r, look.inside, 0.0
        for i, ((x, y, share), rgb) in enumerate(zip(look.dots, look.dot_rgb, strict=True)):
            dot = model.geom(f"plate_dot_{i}")
            dot.size[0], dot.pos[:2], dot.rgba[:3] = share * r, (x * r, y * r), rgb
        if self._variant in TEXTURELESS:
            model.geom("plate").rgba[:3] = (0.75, 0.74, 0.70)
            for name in ("plate_middle", *(f"plate_dot_{i}" for i in range(_DOTS))):
                model.geom(name).rgba[3] = 0  # not drawn
            dress_surroundings(model, rng, self._variant, clear_of_the_way)
        return objects

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the plate's centre is within 1 cm of the goal."""
        return self.error(robot, objects)[0] < TOLERANCE_M

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """From the plate's centre to the goal, m; its heading does not count."""
        return float(np.linalg.norm(objects["plate"][:2, 3] - GOAL_M)), 0.0

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The plate, all along."""
        return "plate"

    def expert(self) -> Expert:
        """A new expert."""
        return PushPlateExpert()


class PushPlateExpert:
    """Keeps the plate between the hand and the goal, and pushes; no memory, no clock.

    The hand goes round the plate until it is behind it, seen from the goal, then advances; the
    farther it is from the line through plate and goal, the slower it advances.
    """

    lead_m = 0.015
    height_m = 0.022  # of fr3_hand_tcp; the fingertips reach 1 cm lower
    finger_m = 0.020  # half the closed fingers' thickness
    stand_off_m = 0.03
    stop_m = 0.004

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target; the gripper is closed."""
        hand, plate = robot.T_base_ee[:3, 3], objects["plate"]
        radius = float(np.linalg.norm(objects["rim"][:3, 3] - plate[:3, 3]))
        to_goal = np.subtract(GOAL_M, plate[:2, 3])
        distance = float(np.linalg.norm(to_goal))
        if distance < self.stop_m:
            return Action(pose(POINTING_DOWN, hand), 0.0)
        ahead = to_goal / max(distance, 1e-9)
        left = np.array([-ahead[1], ahead[0]])
        out = hand[:2] - plate[:2, 3]
        angle = float(np.arctan2(out @ left, -(out @ ahead)))  # 0: straight behind the plate
        low = float(np.clip((self.height_m + 0.018 - hand[2]) / 0.01, 0.0, 1.0))
        straight = low * float(np.clip(1.5 - abs(angle) / 0.25, 0.0, 1.0))
        push = ahead * min(self.lead_m, 0.004 + 0.5 * distance)
        push = push - shortened(0.6 * float(out @ left) * left, 0.01)
        step = straight * push + (1.0 - straight) * self._around(out, angle, radius)
        outside = float(np.linalg.norm(out)) - radius - self.finger_m
        above = 0.08 * (1.0 - low) * float(np.clip((0.01 - outside) / 0.02, 0.0, 1.0))
        goal = np.array([*(hand[:2] + step), self.height_m + above])
        return Action(toward(robot.T_base_ee, goal, self.lead_m), 0.0)

    def _around(self, out: NDArray[np.float64], angle: float, radius: float) -> NDArray[np.float64]:
        """(2,) m along a circle round the plate, to the place behind it."""
        away = float(np.linalg.norm(out))
        wished = radius + self.finger_m + self.stand_off_m
        radial, tangent = out / away, np.array([-out[1], out[0]]) / away * np.sign(angle)
        around = tangent * min(self.lead_m, away * abs(angle)) + 0.5 * (wished - away) * radial
        return shortened(around, self.lead_m)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the plate is at the goal."""
        return float(np.linalg.norm(objects["plate"][:2, 3] - GOAL_M)) < self.stop_m + 0.003
