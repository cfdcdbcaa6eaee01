"""Who demonstrates: a task's scripted expert, or the same with a person's habits.

`human_like` is a script, too, and no person: what a person adds to the shortest way (Hand-Eye
Action Networks, section V-B: "a human teleoperator can take a curvy path") is drawn by seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Action, RobotState
from visuomotor.errors import ConfigError, unknown_name
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.sim.smooth_noise import SmoothNoise
from visuomotor.sim.tasks import Expert, Poses, Task
from visuomotor.sim.tasks.goals import WithGoals

DEMONSTRATORS = {"expert": "scripted expert", "human_like": "scripted, human-like"}
"""Their names, and how sidecars call them."""
_UNTIL_S = 60.0


def operator_of(name: str) -> str:
    """How a sidecar calls a demonstrator; ConfigError names those there are."""
    if name not in DEMONSTRATORS:
        raise ConfigError(unknown_name("demonstrator", name, DEMONSTRATORS))
    return DEMONSTRATORS[name]


def make_demonstrator(name: str, task: Task, seed: int, goal: str = "") -> Expert:
    """The demonstrator of one episode; ConfigError names those there are.

    goal: where it is to end, in a task that has several.
    """
    operator_of(name)
    expert = task.expert_to(goal) if goal and isinstance(task, WithGoals) else task.expert()
    return expert if name == "expert" else HumanLike(expert, seed)


@dataclass(frozen=True)
class Habits:
    """How a person departs from the expert.

    curve: sideways share of a step, standard deviation. pace: spread of the logarithm of the
    speed. pauses_hz, pause_s: how often it stops to look, and for how long. late_s: how long
    after it should the gripper begins to move. careful_m: below so much above the table the
    curves fade, to a fifth.
    """

    curve: float = 0.6
    pace: float = 0.4
    pauses_hz: float = 0.25
    pause_s: tuple[float, float] = (0.2, 0.7)
    late_s: tuple[float, float] = (0.1, 0.4)
    careful_m: float = 0.12


class HumanLike:
    """The expert's goals, reached on curves, now fast now slow, with pauses and a late gripper."""

    def __init__(self, expert: Expert, seed: int, habits: Habits | None = None) -> None:
        self._expert, self._seed, self._habits = expert, seed, habits or Habits()
        self.reset()

    def reset(self) -> None:
        """Begins the episode of the same seed anew."""
        habits, rng = self._habits, np.random.default_rng([self._seed, 5])
        self._expert.reset()
        self._sideways = SmoothNoise.draw(rng, 2, 1.2, _UNTIL_S)
        self._pace = SmoothNoise.draw(rng, 1, 0.6, _UNTIL_S)
        count = int(_UNTIL_S * habits.pauses_hz) + 1
        starts = np.cumsum(rng.exponential(1.0 / habits.pauses_hz, count))
        self._pauses = np.stack([starts, starts + rng.uniform(*habits.pause_s, count)], axis=1)
        self._late_s = rng.uniform(*habits.late_s, 32)
        self._start_ns: int | None = None
        self._width_m: float | None = None
        self._changes = 0
        self._change_s: float | None = None

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The expert's target, taken as a person would take it."""
        if self._start_ns is None:
            self._start_ns = robot.stamp_ns
        elapsed_s = (robot.stamp_ns - self._start_ns) * 1e-9
        wished = self._expert.act(robot, objects)
        width_m = self._gripper(wished.gripper_width_m, elapsed_s)
        T = robot.T_base_ee
        pausing = ((self._pauses[:, 0] <= elapsed_s) & (elapsed_s < self._pauses[:, 1])).any()
        if pausing:
            return Action(T.copy(), width_m)
        step = self._step(wished.T_base_ee[:3, 3] - T[:3, 3], float(T[2, 3]), elapsed_s)
        return Action(pose(wished.T_base_ee[:3, :3], T[:3, 3] + step), width_m)

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """As the expert's."""
        return self._expert.done(robot, objects)

    def _step(
        self, step: NDArray[np.float64], height_m: float, elapsed_s: float
    ) -> NDArray[np.float64]:
        """The step (3,), turned and stretched; the same near the table, where care is taken."""
        habits = self._habits
        free = float(np.clip(height_m / habits.careful_m, 0.2, 1.0))
        size = float(np.linalg.norm(step))
        turn, tilt = habits.curve * free * self._sideways.at(elapsed_s)
        pace = float(np.exp(habits.pace * self._pace.at(elapsed_s)[0]))
        around = matrix_from_rotvec([0.0, 0.0, turn]) @ step
        aside = np.array([-step[1], step[0], 0.0])
        if np.linalg.norm(aside) < 0.2 * size:  # straight up or down: to any side
            aside = np.array([0.5 * size, 0.0, 0.0])
        curved = around + 0.5 * tilt * aside
        length = max(float(np.linalg.norm(curved)), 1e-9)
        result: NDArray[np.float64] = curved * (size * min(pace, 1.1) / length)
        return result

    def _gripper(self, wished_m: float, elapsed_s: float) -> float:
        """The width commanded now: what the expert has wished for as long as it takes to react."""
        if self._width_m is None:
            self._width_m = wished_m
        if wished_m == self._width_m:
            self._change_s = None
        elif self._change_s is None:
            self._change_s = elapsed_s
        elif elapsed_s - self._change_s >= self._late_s[self._changes % len(self._late_s)]:
            self._width_m, self._change_s = wished_m, None
            self._changes += 1
        return self._width_m
