"""Tasks with several starts and goals, some pairs of which are demonstrated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import RobotState
from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.tasks.task import Expert, Poses, Task


@runtime_checkable
class WithGoals(Protocol):
    """A task whose episodes begin in one of several starts and may end in any of its goals."""

    @property
    def starts(self) -> tuple[str, ...]:
        """The names of its starts."""

    @property
    def goals(self) -> tuple[str, ...]:
        """The names of its goals."""

    @property
    def demonstrated(self) -> tuple[tuple[str, str], ...]:
        """The (start, goal) pairs that demonstrations show; the others are for composing."""

    def draw_from(
        self, rng: np.random.Generator, region: str, start: str
    ) -> tuple[Poses, NDArray[np.float64]]:
        """As `Task.draw`, in that start."""

    def reached(self, robot: RobotState, objects: Poses) -> str:
        """The goal that this state is in, "" for none."""

    def expert_to(self, goal: str) -> Expert:
        """A new expert that ends in that goal, from any start."""


@dataclass(frozen=True)
class Pair:
    """An episode's start and goal; both "" for a task that has none.

    goal: where its demonstration ends. asked: whether that goal alone counts as success.
    """

    start: str = ""
    goal: str = ""
    asked: bool = False

    def __str__(self) -> str:
        """`a>c` where that goal is asked for, `a>` where any counts, "" without goals.

        >>> str(Pair("a", "c", asked=True)), str(Pair("a", "c")), str(Pair())
        ('a>c', 'a>', '')
        """
        return f"{self.start}>{self.goal if self.asked else ''}" if self.start else ""

    @property
    def shown(self) -> str:
        """What its demonstration shows, `a>c`; "" without goals."""
        return f"{self.start}>{self.goal}" if self.start else ""


def episode_pair(task: Task, start: str, goal: str, seed: int) -> Pair:
    """The pair of the episode `seed` for SimConfig's start and goal, either of which may be "".

    Without a start, the seeds take turns with those that are demonstrated; without a goal, the
    demonstration ends in the one that is shown from that start. ConfigError names what exists.
    """
    if not isinstance(task, WithGoals):
        if start or goal:
            raise ConfigError(
                f"task {task.name}: got start {start!r} and goal {goal!r}, but it has neither; "
                "leave both empty"
            )
        return Pair()
    if start and start not in task.starts:
        raise ConfigError(unknown_name(f"start of {task.name}", start, task.starts))
    if goal and goal not in task.goals:
        raise ConfigError(unknown_name(f"goal of {task.name}", goal, task.goals))
    if not start:
        shown = list(dict.fromkeys(s for s, _ in task.demonstrated))
        start = shown[seed % len(shown)]
    ends = [g for s, g in task.demonstrated if s == start] or list(task.goals)
    return Pair(start, goal or ends[seed // len(task.starts) % len(ends)], bool(goal))


def draw_in(
    task: Task, rng: np.random.Generator, region: str, start: str
) -> tuple[Poses, NDArray[np.float64]]:
    """As `Task.draw`, in that start where the task has several."""
    if isinstance(task, WithGoals):
        return task.draw_from(rng, region, start)
    return task.draw(rng, region)


def goal_test(task: Task) -> Callable[[RobotState, Poses], str]:
    """What names the goal that a state is in, the task's own name where it has but one goal.

    It gives "" for none.
    """
    if isinstance(task, WithGoals):
        return task.reached
    return lambda robot, objects: task.name if task.success(robot, objects) else ""


class GoalWatch:
    """Since when the world is in one goal state without a break."""

    def __init__(self) -> None:
        self._goal, self._since_s = "", 0.0

    def look(self, goal: str, elapsed_s: float) -> None:
        """Notes the goal that this instant is in, "" for none."""
        if goal != self._goal:
            self._goal, self._since_s = goal, elapsed_s

    def lasting(self, elapsed_s: float, hold_s: float) -> str:
        """The goal that lasts for so long already, "" for none."""
        return self._goal if elapsed_s - self._since_s > hold_s - 1e-6 else ""
