"""Cross: from the left or the right, over a mark in the middle, to a pad on the other side.

The crossing world of Generalization Through Imitation: a > x > c and b > x > d are demonstrated, so
that both ways meet at the mark, and only what is chosen there decides where they end. Sizes and
places are ours, the text gives none.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.errors import ConfigError, unknown_name
from visuomotor.geometry import pose
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.motion import POINTING_DOWN, toward
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

MARK_M = (0.49, 0.0)
HEIGHT_M = 0.12
"""Of the hand on its way."""
START_AREAS = {
    name: Area((0.34, y), (0.02, 0.03), (0.03, 0.05), sigma_m=(0.01, 0.015))
    for name, y in (("a", 0.19), ("b", -0.19))
}
PAD_AREAS = {
    name: Area((0.64, y), (0.04, 0.06), (0.06, 0.08), sigma_m=(0.02, 0.03))
    for name, y in (("c", -0.17), ("d", 0.17))
}
_RGBA = {"c": ".10 .30 .80 1", "d": ".90 .55 .05 1"}
PAD_RADIUS_M = 0.035
WITHIN_M = 0.03
LOW_M = 0.05
"""Where the hand is in a goal: so far from the pad's middle at most, and so high."""
MOVED_M = (0.03, 0.04)


class Cross:
    """Objects: the mark and the two pads, all of them flat on the table; the hand stays open."""

    name = "cross"
    objects = ("mark", "pad_c", "pad_d")
    starts = ("a", "b")
    goals = ("c", "d")
    demonstrated = (("a", "c"), ("b", "d"))
    horizon_steps = 240
    moved_at_s = (0.8, 2.0)
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain",))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """A dark cross, a blue and an orange pad; nothing touches them."""
        for goal in self.goals:
            size = f"{PAD_RADIUS_M} 0.001"
            _add_flat(world, f"pad_{goal}", PAD_AREAS[goal].centre_m, "cylinder", (size,), goal)
        bars = ("0.03 0.006 0.001", "0.006 0.03 0.001")
        _add_flat(world, "mark", MARK_M, "box", bars, "mark")

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """As from the first start."""
        return self.draw_from(rng, region, self.starts[0])

    def draw_from(
        self, rng: np.random.Generator, region: str, start: str
    ) -> tuple[Poses, NDArray[np.float64]]:
        """Both pads in their areas, the hand in that of its start, 10 to 14 cm high."""
        pads = {f"pad_{g}": _flat(PAD_AREAS[g].draw(rng, region)) for g in self.goals}
        hand = START_AREAS[start].draw(rng, region)
        height = HEIGHT_M + rng.uniform(-0.02, 0.02)
        return pads, pose(POINTING_DOWN, (*hand, height))

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """They look the same in every episode."""
        return objects

    def reached(self, robot: RobotState, objects: Poses) -> str:
        """The goal over whose pad the hand is, low."""
        hand = robot.T_base_ee[:3, 3]
        for goal in self.goals:
            aside = np.linalg.norm(hand[:2] - objects[f"pad_{goal}"][:2, 3])
            if aside < WITHIN_M and hand[2] < LOW_M:
                return goal
        return ""

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the hand is in either goal."""
        return bool(self.reached(robot, objects))

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """From the hand to the nearer pad along the table, m."""
        hand = robot.T_base_ee[:2, 3]
        pads = [objects[f"pad_{g}"][:2, 3] for g in self.goals]
        return min(float(np.linalg.norm(hand - pad)) for pad in pads), 0.0

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The mark before it is passed, then the pad on the hand's side."""
        hand = robot.T_base_ee[:2, 3]
        if before_mark(hand):
            return "mark"
        return min(self.objects[1:], key=lambda n: abs(float(objects[n][1, 3] - hand[1])))

    def moved(self, rng: np.random.Generator, robot: RobotState, objects: Poses) -> Poses:
        """Either pad 3 to 4 cm along the table; neither once the hand is in a goal."""
        if self.reached(robot, objects):
            return {}
        return {
            f"pad_{g}": _flat(_beside(rng, objects[f"pad_{g}"][:2, 3], PAD_AREAS[g]))
            for g in self.goals
        }

    def expert(self) -> Expert:
        """A new expert to the first goal."""
        return self.expert_to(self.goals[0])

    def expert_to(self, goal: str) -> Expert:
        """A new expert to that goal; ConfigError names those there are."""
        if goal not in self.goals:
            raise ConfigError(unknown_name(f"goal of {self.name}", goal, self.goals))
        return CrossExpert(goal)


def before_mark(hand_m: NDArray[np.float64]) -> bool:
    """Whether a hand at (2,) is still on its way to the mark."""
    return bool(hand_m[0] < MARK_M[0] - 0.006)


class CrossExpert:
    """Feedback on the true state alone: over the mark, then to the pad and down on it.

    Both ways come to the mark along one line, away from the arm: there is no telling by the
    heading whence the hand came.
    """

    lead_m = 0.016
    touch_m = 0.035  # of the hand over the pad

    def __init__(self, goal: str) -> None:
        self._pad = f"pad_{goal}"

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target: a pose that leads the hand, pointing down and open."""
        hand = robot.T_base_ee[:3, 3]
        if before_mark(hand[:2]):
            ahead = max(float(MARK_M[0] - hand[0]), 0.02)
            # along parabolas that touch the table's middle line at the mark
            goal = (hand[0] + ahead, hand[1] - 2.0 * (hand[1] - MARK_M[1]), HEIGHT_M)
        else:
            pad = objects[self._pad][:2, 3]
            aside = float(np.linalg.norm(pad - hand[:2]))
            down = float(np.clip(1.5 * (aside - 0.012), 0.0, HEIGHT_M - self.touch_m))
            goal = (*pad, self.touch_m + down)
        return Action(toward(robot.T_base_ee, goal, self.lead_m), MAX_GRIPPER_WIDTH_M)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the hand is over its pad, low."""
        hand = robot.T_base_ee[:3, 3]
        aside = np.linalg.norm(hand[:2] - objects[self._pad][:2, 3])
        return bool(aside < WITHIN_M and hand[2] < LOW_M)


def _flat(place_m: NDArray[np.float64]) -> NDArray[np.float64]:
    return pose(np.eye(3), (*place_m, 0.0))


def _beside(
    rng: np.random.Generator, place_m: NDArray[np.float64], area: Area
) -> NDArray[np.float64]:
    """(2,) MOVED_M away in a direction that leaves it in the wider area."""
    while True:
        angle, far = rng.uniform(-np.pi, np.pi), rng.uniform(*MOVED_M)
        place = place_m + far * np.array([np.cos(angle), np.sin(angle)])
        if (np.abs(place - area.centre_m) <= area.outer_half_m).all():
            return place


def _add_flat(
    world: ET.Element,
    name: str,
    place_m: tuple[float, float],
    kind: str,
    sizes: tuple[str, ...],
    colour: str,
) -> None:
    body = ET.SubElement(world, "body", name=name, pos=f"{place_m[0]} {place_m[1]} 0")
    for i, size in enumerate(sizes):
        ET.SubElement(
            body,
            "geom",
            name=f"{name}_{i}",
            type=kind,
            size=size,
            rgba=_RGBA.get(colour, ".12 .10 .10 1"),
            contype="0",
            conaffinity="0",
        )
