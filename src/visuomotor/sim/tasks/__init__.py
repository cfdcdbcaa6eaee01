"""The tasks by name, one file each."""

from __future__ import annotations

from collections.abc import Callable

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.tasks.lift import Lift
from visuomotor.sim.tasks.task import Expert, Poses, Task

TASKS: dict[str, Callable[[], Task]] = {"lift": Lift}


def make_task(name: str) -> Task:
    """The task of that name; ConfigError names those there are."""
    if name not in TASKS:
        raise ConfigError(unknown_name("task", name, TASKS))
    return TASKS[name]()


__all__ = ["TASKS", "Expert", "Poses", "Task", "make_task"]
