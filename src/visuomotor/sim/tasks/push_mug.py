"""Push mug: choose where a straight push begins, so that it takes a mug onto a coaster.

Singh et al. 2017 (GPLAC), section 6.2: the action is the starting point of a push in a straight
line. Here the push itself is always the same, so the coaster stands where it ends, the same way
ahead of the mug in every episode. Sizes, looks and the expert are ours.
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
from visuomotor.sim.tasks.motion import POINTING_DOWN, toward
from visuomotor.sim.tasks.mug import HALF_HEIGHT_M, RADIUS_M
from visuomotor.sim.tasks.mug_on_coaster import (
    add_mug_and_coaster,
    enter_with_mug,
    off_the_coaster,
)
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

PUSH_DIRECTION = (1.0, 0.0, 0.0)
"""Of every push, a unit vector in base."""
PUSH_LENGTH_M = 0.18
"""How far the hand goes in a push."""
PUSH_HEIGHT_M = 0.04
"""Of fr3_hand_tcp above the table during a push."""
HOVER_HEIGHT_M = 0.14
"""From here the hand comes down on the starting point."""
GRIPPER_M = 0.03
"""The fingers' gap during a push: a fork from which the mug does not roll."""
BEHIND_M = 0.075
"""The starting point, behind the mug's middle."""

AREA = Area((0.45, 0.0), (0.06, 0.16), (0.06, 0.21), sigma_m=(0.03, 0.08))
TOLERANCE_M = 0.04
COASTER_M = 0.055
_CARRIED_M = PUSH_LENGTH_M - BEHIND_M + 0.5 * sum(RADIUS_M) + 0.008
"""How far a push takes the mug: it meets the mug's rim, its fingers 8 mm ahead of the tcp."""


class PushMug:
    """The landmark `goal` is the coaster's middle, ahead of where the mug stood first."""

    name = "push_mug"
    objects = ("mug", "goal")
    interest = "mug"
    horizon_steps = 100
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain", *SPLITS))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """Mug, coaster and distractors, and surfaces that change."""
        add_mug_and_coaster(world, asset, COASTER_M, (0.6, 0.0))

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """The mug in its area, turned at random; the hand above and behind."""
        place = AREA.draw(rng, region)
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-np.pi, np.pi)])
        start = np.array([0.33, 0.0, 0.24]) + rng.uniform(-1, 1, 3) * (0.02, 0.05, 0.03)
        return {"mug": pose(yaw, (*place, HALF_HEIGHT_M[1]))}, pose(POINTING_DOWN, start)

    def enter(self, model: mujoco.MjModel, environment_number: int) -> None:
        """The room, and the mug, coaster and distractors that belong to it."""
        enter_with_mug(model, environment_number)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """The coaster lies ahead of the mug; the distractors stand beside its way."""
        mug = objects["mug"]
        place, ahead = mug[:2, 3], np.array(PUSH_DIRECTION[:2])
        goal = place + _CARRIED_M * ahead
        model.body("goal").pos[:2] = goal
        path = np.array([(0.33, 0.0), place - BEHIND_M * ahead, goal])
        place_distractors(model, rng, clear_of(path, np.array([place, goal])))
        return {"mug": pose(mug[:3, :3], (*place, model.geom("mug").size[1]))}

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the mug's middle is within 4 cm of the coaster's."""
        return self.error(robot, objects)[0] < TOLERANCE_M

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """From the mug's middle to the coaster's, m; its heading does not count."""
        return off_the_coaster(objects)

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The mug, all along."""
        return "mug"

    def expert(self) -> Expert:
        """A new expert."""
        return PushMugExpert()


def start_of_push(mug_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) of fr3_hand_tcp in base: where the push begins for a mug whose middle is at (2,) m."""
    xy = mug_m - BEHIND_M * np.array(PUSH_DIRECTION[:2])
    return np.array([*xy, PUSH_HEIGHT_M])


class PushMugExpert:
    """Above the starting point, down onto it, then the push; it remembers where that began."""

    lead_m = 0.015
    hurry_m = 0.025  # before the hand is above the starting point
    near_m = 0.006
    rest_steps = 3  # at the starting point, so that the hand's place tells where that is

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets the starting point."""
        self._start: NDArray[np.float64] | None = None
        self._above, self._rested = False, 0

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target; the fingers make a fork."""
        if self._start is None:
            self._start = start_of_push(objects["mug"][:2, 3])
        hand = robot.T_base_ee[:3, 3]
        aside = float(np.linalg.norm(hand[:2] - self._start[:2]))
        self._above = self._above or aside < self.near_m
        down = aside < self.near_m and abs(hand[2] - PUSH_HEIGHT_M) < self.near_m
        self._rested += down or self._pushing
        goal = self._start
        if self._pushing:
            goal = self._start + PUSH_LENGTH_M * np.array(PUSH_DIRECTION)
        elif not self._above:
            goal = np.array([*self._start[:2], HOVER_HEIGHT_M])
        lead_m = self.lead_m if self._above else self.hurry_m
        return Action(toward(robot.T_base_ee, goal, lead_m), GRIPPER_M)

    @property
    def _pushing(self) -> bool:
        return self._rested > self.rest_steps

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the push is at its end."""
        if self._start is None or not self._pushing:
            return False
        gone = (robot.T_base_ee[:3, 3] - self._start) @ np.array(PUSH_DIRECTION)
        return bool(gone > PUSH_LENGTH_M - self.near_m)
