"""The tasks by name, one file each."""

from __future__ import annotations

from collections.abc import Callable

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.sim.config import Variant
from visuomotor.sim.tasks.bread import Bread
from visuomotor.sim.tasks.cross import Cross
from visuomotor.sim.tasks.cylinders import cylinder, cylinders
from visuomotor.sim.tasks.drape_rope import DrapeRope
from visuomotor.sim.tasks.lift import Lift
from visuomotor.sim.tasks.push_box import PushBox
from visuomotor.sim.tasks.push_mug import PushMug
from visuomotor.sim.tasks.push_plate import PushPlate
from visuomotor.sim.tasks.pusher import Pusher
from visuomotor.sim.tasks.reach import reach_t, reach_tr
from visuomotor.sim.tasks.stack import Stack
from visuomotor.sim.tasks.striker import Striker
from visuomotor.sim.tasks.task import Expert, Poses, Task
from visuomotor.sim.tasks.tool_use import ToolUse

TASKS: dict[str, Callable[[Variant], Task]] = {
    "lift": Lift,
    "reach_t": reach_t,
    "reach_tr": reach_tr,
    "push_box": PushBox,
    "push_plate": PushPlate,
    "drape_rope": DrapeRope,
    "stack": Stack,
    "tool_use": ToolUse,
    "pusher": Pusher,
    "striker": Striker,
    "push_mug": PushMug,
    "cross": Cross,
    "bread": Bread,
    "cylinder": cylinder,
    "cylinders": cylinders,
}


def make_task(name: str, variant: Variant = "plain") -> Task:
    """The task of that name; ConfigError names those there are, and a task's variants."""
    if name not in TASKS:
        raise ConfigError(unknown_name("task", name, TASKS))
    return TASKS[name](variant)


__all__ = ["TASKS", "Expert", "Poses", "Task", "Variant", "make_task"]
