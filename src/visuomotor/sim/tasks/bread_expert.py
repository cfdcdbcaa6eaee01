"""The bread world's expert: feedback on the true state, and very little memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Action, RobotState
from visuomotor.sim.tasks.bread_objects import (
    BOWL_FLOOR_M,
    CONTAINER_M,
    KNOB_M,
    LID_HALF_M,
    PLATE_M,
)
from visuomotor.sim.tasks.bread_state import (
    half_extent,
    holds_bread,
    holds_lid,
    in_bowl,
    in_container,
    lid_on,
    on_plate,
    on_tray,
    tray_in,
)
from visuomotor.sim.tasks.motion import toward
from visuomotor.sim.tasks.oven import LIP_M, OVEN_M
from visuomotor.sim.tasks.task import Poses

ASIDE_M = np.array([0.125, 0.0])
"""Where the lid is put, from the container: behind it."""
CROSSING_M = 0.17
"""Where both tasks meet: the hand so high above the bowl's middle, the bread in it."""
OPENED_M = 0.065
"""How far the hand opens to let go in the bowl; at the crossing it opens all the way."""
_Vector = NDArray[np.float64]


class BreadExpert:
    """Lid aside, bread into the bowl, hand to the crossing, bread out again and to its goal.

    What it remembers is whether it has been at the crossing: the state alone does not tell a bread
    that was just put into the bowl from one that is just being taken out. Coming, it holds the
    bread at its near half, going at its far half, and it lets go with a hand half open: who sees
    the hand and the bread can tell which it is. And how long it has pressed the tray home: who
    imitates it and leaves a little sooner has pushed it in all the same.
    """

    lead_m = 0.02
    travel_m = 0.13  # the hand's height on its way, empty or not
    grip_m = 0.0115  # below the bread's top
    halves_m = (-0.010, 0.010)
    push_m = 0.025  # the hand's height as it pushes the tray
    pushed_m = 0.003  # of the tray's way that may be left: well within what counts as in
    presses = 8  # steps for which it pushes on then, against the stop

    def __init__(self, goal: str) -> None:
        self._goal = goal
        self.reset()

    def reset(self) -> None:
        """Begins before the crossing."""
        self._crossed, self._pressed = False, 0

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target: a pose that leads the hand, pointing down, and a width."""
        hand = robot.T_base_ee[:3, 3]
        crossing = objects["bowl"][:3, 3] + _up(CROSSING_M)
        if in_bowl(objects) and float(np.linalg.norm(hand - crossing)) < 0.015:
            self._crossed = self._crossed or not holds_bread(robot, objects)
        goal, width = self._next(robot, objects, hand, crossing)
        return Action(toward(robot.T_base_ee, goal, self.lead_m), width)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the bread is where it belongs and the hand high above the table."""
        if robot.T_base_ee[2, 3] < self.travel_m - 0.02:
            return False
        if self._goal == "plate":
            return on_plate(objects)
        return on_tray(objects) and tray_in(objects)

    def _next(
        self, robot: RobotState, objects: Poses, hand: _Vector, crossing: _Vector
    ) -> tuple[_Vector, float]:
        """Where to (3,), and how far open."""
        if holds_lid(robot, objects):
            return self._put_lid_aside(hand, objects)
        if lid_on(objects) and in_container(objects):
            knob = objects["lid"][:3, 3] + KNOB_M * objects["lid"][:3, 2]
            return self._take(hand, knob)
        if holds_bread(robot, objects):
            return self._carry(hand, objects)
        if self._goal == "plate" and on_plate(objects):
            return np.array([*hand[:2], self.travel_m + 0.02]), MAX_GRIPPER_WIDTH_M
        if self._goal == "oven" and on_tray(objects):
            return self._push_tray(robot, objects)
        if in_bowl(objects) and not self._crossed:
            return over(hand, crossing, self.travel_m - 0.05), OPENED_M
        return self._take_bread(hand, objects)

    def _take_bread(self, hand: _Vector, objects: Poses) -> tuple[_Vector, float]:
        """Down on one half of the bread, and close; steeper where walls are near the fingers."""
        bread = objects["bread"]
        top = half_extent(bread, 2)
        along = self.halves_m[self._crossed] * half_extent(bread, 0) / 0.03
        place = bread[:3, 3] + (along, 0.0, top - self.grip_m)
        return self._take(hand, place)

    def _take(self, hand: _Vector, place: _Vector) -> tuple[_Vector, float]:
        aside = float(np.hypot(*(hand[:2] - place[:2])))
        down = float(np.clip(8.0 * (aside - 0.004), 0.0, max(self.travel_m - place[2], 0.05)))
        goal = over(hand, place + _up(down), self.travel_m - 0.05)
        there = aside < 0.007 and float(hand[2] - place[2]) < 0.006
        return goal, 0.0 if there else MAX_GRIPPER_WIDTH_M

    def _carry(self, hand: _Vector, objects: Poses) -> tuple[_Vector, float]:
        """To the bowl before the crossing, after it to the goal; opens once the bread rests."""
        bread = objects["bread"]
        floor, tolerance, opened = objects["bowl"][:3, 3] + _up(BOWL_FLOOR_M), 0.012, OPENED_M
        if self._crossed:
            opened = MAX_GRIPPER_WIDTH_M
            if self._goal == "plate":
                floor = objects["plate"][:3, 3] + _up(PLATE_M / 2)
            else:
                floor = objects["tray"][:3, 3] + (0.002, 0, 0)
        resting = floor + _up(half_extent(bread, 2))
        return self._set_down(hand, bread[:3, 3], resting, tolerance, opened)

    def _put_lid_aside(self, hand: _Vector, objects: Poses) -> tuple[_Vector, float]:
        place = np.array([*(objects["container"][:2, 3] + ASIDE_M), LID_HALF_M[2]])
        lid = objects["lid"][:3, 3]
        return self._set_down(hand, lid, place, 0.010, MAX_GRIPPER_WIDTH_M, CONTAINER_M[2] + 0.03)

    def _set_down(
        self,
        hand: _Vector,
        held: _Vector,
        place: _Vector,
        tolerance_m: float,
        opened_m: float,
        clear_m: float = 0.08,
    ) -> tuple[_Vector, float]:
        """Over the place at a safe height, down, and open; held, place: of the thing's origin."""
        aside = place[:2] - held[:2]
        distance = float(np.linalg.norm(aside))
        grip = float(hand[2] - held[2])
        if distance < tolerance_m and held[2] < place[2] + 0.005:
            return hand.copy(), opened_m
        height = place[2] + grip + float(np.clip(5.0 * (distance - 0.006), -0.004, clear_m))
        goal = np.array([*(hand[:2] + aside), max(height, 0.006)])
        if distance < 0.03:
            return goal, 0.0
        goal[2] = max(goal[2], self.travel_m)
        return over(hand, goal, self.travel_m - 0.04), 0.0

    def _push_tray(self, robot: RobotState, objects: Poses) -> tuple[_Vector, float]:
        """Up from the bread, round before the tray's lip, the fingers closed, and push; then up."""
        hand, bread, tray = robot.T_base_ee[:3, 3], objects["bread"][:3, 3], objects["tray"][:3, 3]
        lip = float(tray[0]) - LIP_M
        straddling = float(np.hypot(*(hand[:2] - bread[:2]))) < 0.06 and hand[2] < 0.10
        width = MAX_GRIPPER_WIDTH_M if straddling else 0.0
        home = float(objects["oven"][0, 3] - tray[0]) < self.pushed_m
        self._pressed += home
        if home and self._pressed > self.presses:
            back = hand[0] > lip - 0.035
            goal = np.array([lip - 0.06, hand[1], hand[2] if back else self.travel_m + 0.02])
            return goal, width
        before = np.array([lip - 0.035, OVEN_M[1], self.push_m])
        low = hand[2] < self.push_m + 0.012 and hand[0] < lip and robot.gripper_width_m < 0.01
        if low and abs(float(hand[1] - before[1])) < 0.02:
            return np.array([hand[0] + self.lead_m, before[1], self.push_m]), 0.0
        aside = float(np.hypot(*(hand[:2] - before[:2])))
        waiting = 0.05 if robot.gripper_width_m > 0.01 else 0.0
        down = max(float(np.clip(5.0 * (aside - 0.01), 0.0, 0.09)), waiting)
        return over(hand, before + _up(down), 0.09), width


def over(hand_m: _Vector, goal_m: _Vector, low_m: float) -> _Vector:
    """The goal (3,), but straight up first while the hand is lower than that and far from it."""
    aside = goal_m[:2] - hand_m[:2]
    if float(np.hypot(*aside)) < 0.03:
        return goal_m
    raised = float(np.clip((hand_m[2] - low_m + 0.01) / 0.02, 0.0, 1.0))
    height = goal_m[2] if raised == 1.0 else max(float(goal_m[2]), low_m + 0.02)
    return np.array([*(hand_m[:2] + raised * aside), height])


def _up(by_m: float) -> _Vector:
    return np.array([0.0, 0.0, by_m])
