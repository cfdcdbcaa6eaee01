"""Striker: hit a ball so that it rolls into a goal, whose place differs in every episode.

Singh et al. 2017 (GPLAC), section 6.1, with the geometry of the environment that they published
(Gym's Striker) at 0.45 of its size, so that the cameras see all of it: the ball at (0.5, -0.175),
the goal in x 0.15 to 0.7 and y 0.1 to 1.0, success within 0.08 m. Its axes are kept; the ball lies
at BALL_M. What commands the arm (a Cartesian target and not seven torques), the expert and all
looks are ours, and so is the goal's rim, which keeps a ball that has come in.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Action, RobotState
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.config import Variant
from visuomotor.sim.environments import SPLITS, environment
from visuomotor.sim.tasks.area import Area
from visuomotor.sim.tasks.ball_and_goal import (
    BALL_RADIUS_M,
    add_ball,
    add_goal,
    show_ball_and_goal,
)
from visuomotor.sim.tasks.distractors import (
    add_distractors,
    clear_of,
    enter_distractors,
    place_distractors,
)
from visuomotor.sim.tasks.motion import down_with_yaw, toward, wrapped
from visuomotor.sim.tasks.room import add_room, enter_room
from visuomotor.sim.tasks.task import Expert, Poses
from visuomotor.sim.tasks.variant import check_variant
from visuomotor.sim.wrenches import WrenchPulses

SCALE = 0.45
BALL_M = (0.48, -0.25)
TOLERANCE_M = 0.08 * SCALE
AREA = Area(
    (BALL_M[0] + SCALE * (0.425 - 0.5), BALL_M[1] + SCALE * (0.55 + 0.175)),
    (SCALE * 0.275, SCALE * 0.45),
    (SCALE * 0.275 + 0.03, SCALE * 0.45 + 0.02),
    sigma_m=(SCALE * 0.14, SCALE * 0.22),
)


def direction_of(goal_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2,) the unit vector from where the ball lies first to a goal at (2,) m."""
    to_goal = np.subtract(goal_m, BALL_M)
    unit: NDArray[np.float64] = to_goal / np.linalg.norm(to_goal)
    return unit


class Striker:
    """The landmark `goal` is the middle of the goal, whose rim is open towards the ball."""

    name = "striker"
    objects = ("goal", "ball")
    interest = "goal"
    horizon_steps = 100
    hold_s = 0.25
    wrenches: WrenchPulses | None = None

    def __init__(self, variant: Variant = "plain") -> None:
        check_variant(self.name, variant, ("plain", *SPLITS))

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """Ball, goal and distractors, and surfaces that change."""
        add_room(world, asset)
        add_ball(world, asset)
        add_goal(world, TOLERANCE_M + BALL_RADIUS_M)
        add_distractors(world)

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """The goal in its area, open towards the ball; the hand above and behind the ball."""
        goal = AREA.draw(rng, region)
        u = direction_of(goal)
        turned = matrix_from_rotvec([0.0, 0.0, np.arctan2(u[1], u[0])])
        start = np.array([BALL_M[0], BALL_M[1] - 0.08, 0.13]) + rng.uniform(-0.02, 0.02, 3)
        ball = pose(position=(*BALL_M, BALL_RADIUS_M))
        objects = {"ball": ball, "goal": pose(turned, (*goal, 0.0))}
        return objects, pose(down_with_yaw(np.pi / 2), start)

    def enter(self, model: mujoco.MjModel, environment_number: int) -> None:
        """The room, and the ball, goal and distractors that belong to it."""
        enter_room(model, environment(environment_number))
        show_ball_and_goal(model, environment_number)
        enter_distractors(model, environment_number)

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """Puts the goal, which is no free body, where it was drawn; distractors beside the way."""
        T = objects["goal"]
        goal, yaw = T[:2, 3], float(np.arctan2(T[1, 0], T[0, 0]))
        body = model.body("goal")
        body.pos[:], body.quat[:] = T[:3, 3], (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
        path = np.array([np.add(BALL_M, (0.0, -0.08)), BALL_M, goal])
        place_distractors(model, rng, clear_of(path, np.array([BALL_M, goal])))
        return {"ball": objects["ball"]}

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the ball's middle is within 3.6 cm of the goal's."""
        return self.error(robot, objects)[0] < TOLERANCE_M

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float]:
        """From the ball's middle to the goal's along the table, m."""
        return float(np.linalg.norm(objects["ball"][:2, 3] - objects["goal"][:2, 3])), 0.0

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The goal decides where the ball is hit, all along."""
        return "goal"

    def expert(self) -> Expert:
        """A new expert."""
        return StrikerExpert()


class StrikerExpert:
    """Takes the ball between two fingers' ends and leaves it at full speed; no memory, no clock.

    The fingers make a fork that faces the goal. The hand comes down behind the ball, on the line
    through it from the goal, and goes on past where the ball lay; there it stops, and the ball
    does not.
    """

    height_m = 0.024  # of fr3_hand_tcp; the fingertips reach 1 cm lower
    gripper_m = 0.022
    behind_m = 0.055
    beyond_m = 0.05
    lead_m = 0.02

    def reset(self) -> None:
        """Nothing to forget."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The next target."""
        u = direction_of(objects["goal"][:2, 3])
        left = np.array([-u[1], u[0]])
        hand = robot.T_base_ee[:3, 3]
        out = hand[:2] - BALL_M
        along, aside = float(out @ u), float(out @ left)
        R = down_with_yaw(float(np.arctan2(u[1], u[0])))
        facing = robot.T_base_ee[:3, 0]
        off = abs(wrapped(float(np.arctan2(facing[1], facing[0]) - np.arctan2(u[1], u[0]))))
        low = hand[2] < self.height_m + 0.008
        if low and abs(aside) < 0.008 and off < 0.1:  # on the line: strike
            ahead = min(along + self.lead_m, self.beyond_m)
            goal = (*(BALL_M + ahead * u), self.height_m)
        else:
            apart = abs(along + self.behind_m) + abs(aside) + 0.05 * off
            rise = float(np.clip(3.0 * (apart - 0.012), 0.0, 0.06))
            goal = (*(BALL_M - self.behind_m * u), self.height_m + rise)
        return Action(toward(robot.T_base_ee, goal, self.lead_m, R), self.gripper_m)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether the ball is in the goal."""
        away = np.linalg.norm(objects["ball"][:2, 3] - objects["goal"][:2, 3])
        return bool(away < TOLERANCE_M)
