"""What disturbs an episode once: the arm held still, or an object moved by someone else."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from visuomotor.contracts import STEP_NS, RobotState
from visuomotor.errors import ConfigError
from visuomotor.sim.config import Disturbance
from visuomotor.sim.tasks.task import Poses, Task

HELD_S = 2.0
HELD_AT = (0.10, 0.20)
"""When the arm is held, drawn by seed: shares of the task's horizon; demonstrations take about
0.25 to 0.5 of it."""


@runtime_checkable
class Movable(Protocol):
    """A task in which somebody may move an object a little while the arm is at work."""

    @property
    def moved_at_s(self) -> tuple[float, float]:
        """Between which times since the reset somebody begins to look for an occasion."""

    def moved(self, rng: np.random.Generator, robot: RobotState, objects: Poses) -> Poses:
        """T_base_object (4, 4) of what lies elsewhere from now on; empty: it may not just now."""


class Interference:
    """The disturbance of one episode; the same for the same seed and commands.

    Raises ConfigError for a kind that the task does not have.
    """

    def __init__(self, kind: Disturbance, task: Task, seed: int) -> None:
        if kind == "moved" and not isinstance(task, Movable):
            raise ConfigError(
                f"disturbance 'moved': nothing of task {task.name} can be moved in mid-episode; "
                "use 'held', or a task that has it (docs/tasks.md)"
            )
        self._kind, self._task = kind, task
        self._rng = np.random.default_rng([seed, 6])
        horizon_s = task.horizon_steps * STEP_NS * 1e-9
        first_s, last_s = (share * horizon_s for share in HELD_AT)
        if kind == "moved" and isinstance(task, Movable):
            first_s, last_s = task.moved_at_s
        self.at_s = self._rng.uniform(first_s, last_s)
        """When it comes, in s since the reset; an object is moved as soon as it may be."""
        self.came = False
        """Whether it has begun."""

    def holds(self, elapsed_s: float) -> bool:
        """Whether the arm is held still now."""
        if self._kind != "held" or not self.at_s <= elapsed_s < self.at_s + HELD_S:
            return False
        self.came = True
        return True

    def due(self, elapsed_s: float) -> bool:
        """Whether an object is to be moved as soon as it may be."""
        return self._kind == "moved" and not self.came and elapsed_s >= self.at_s

    def move(self, robot: RobotState, objects: Poses) -> Poses:
        """The new T_base_object (4, 4) of what is moved now, once; empty while it may not be."""
        assert isinstance(self._task, Movable)
        moved = self._task.moved(self._rng, robot, objects)
        self.came = bool(moved)
        return moved
