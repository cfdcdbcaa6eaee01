"""A study that takes no training: policies that know the goal, and trainings that go wrong."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor import policies
from visuomotor.bench.study.plan import Job, Method, Study
from visuomotor.bench.study.work import locked
from visuomotor.checkpoint import Checkpoint, save_checkpoint
from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, ActionChunk, Observation
from visuomotor.errors import DataError, Interrupted
from visuomotor.observations import ObservationSpec
from visuomotor.sim.tasks.motion import POINTING_DOWN, toward
from visuomotor.training.progress import Progress, ProgressFile

SPEC = ObservationSpec(objects=("carton", "goal"))


@dataclass(frozen=True)
class ToyConfig:
    aside_m: float


class Toy:
    """Goes to the goal, or `aside_m` beside it."""

    spec = SPEC

    def __init__(self, aside_m: float) -> None:
        self._aside_m = aside_m

    def reset(self) -> None:
        pass

    def act(self, observation: Observation) -> ActionChunk:
        goal = observation.objects["goal"]
        place = goal[:3, 3] + (0.0, self._aside_m, 0.0)
        T = toward(observation.T_base_ee, place, 0.02, goal[:3, :3] @ POINTING_DOWN, 0.08)
        return ActionChunk(observation.stamp_ns, T[None], np.array([MAX_GRIPPER_WIDTH_M]))


def load(checkpoint: Checkpoint, folder: Path) -> Toy:
    return Toy(float(checkpoint.config["aside_m"]))


policies.FAMILIES["toy"] = __name__


def write(job: Job, aside_m: float = 0.0) -> dict[str, Any]:
    job.out.mkdir(parents=True, exist_ok=True)
    file = ProgressFile(job.out, ("seconds", "loss"), 0)
    for step in range(20, 2020, 20):
        file.add(step, {"seconds": 0.01 * step, "loss": 1.0 / step})
    save_checkpoint(job.out, "toy", ToyConfig(aside_m), {}, {}, SPEC, "A toy.\n")
    return {"validation": 0.25 + job.cell.seed, "stages": {"first": str(job.out)}}


def second_time(job: Job, fail: Any) -> dict[str, Any]:
    """Fails the first time; the second time it goes well."""
    tried = job.shared / f"tried-{job.cell.method}-{job.cell.seed}"
    if not tried.exists():
        tried.parent.mkdir(parents=True, exist_ok=True)
        tried.write_text("once")
        fail()
    return write(job)


def refuse() -> None:
    raise DataError("too few demonstrations of anything")


def crash() -> None:
    raise ZeroDivisionError("nobody thought of this")


def die() -> None:
    os._exit(9)


def beside_the_dying(job: Job) -> dict[str, Any]:
    """Holds what such cells share until one of method `dies` has begun."""
    with locked(job.shared / "held.lock"):
        for _ in range(1800):
            if list(job.shared.glob("tried-dies-*")):
                return write(job)
            time.sleep(0.1)
    raise AssertionError("nothing else was begun meanwhile")


def until_stopped(job: Job) -> dict[str, Any]:
    """Goes on until it is told to stop; when run again, from where it was."""
    state = job.out.parent / "state"
    job.out.parent.mkdir(parents=True, exist_ok=True)
    if state.exists():
        return write(job)
    (job.out.parent / "training").touch()
    for step in range(3000):
        job.report(Progress("waiting", step, 3000, {"loss": float("nan")}, 1.0))
        if job.should_stop():
            state.write_text(str(step))
            raise Interrupted(f"stopped at {step}")
        time.sleep(0.01)
    raise AssertionError("nobody stopped it")


STUDY = Study(
    family="toys.study",
    methods={
        "good": Method("Goes to the goal.", write),
        "aside": Method("Goes 5 cm beside it.", partial(write, aside_m=0.05)),
        "refuses": Method("Fails once.", partial(second_time, fail=refuse)),
        "crashes": Method("Fails once, unforeseen.", partial(second_time, fail=crash)),
        "dies": Method("Its process ends once.", partial(second_time, fail=die)),
        "shares": Method("Holds what others need.", beside_the_dying),
        "endless": Method("Waits to be stopped.", until_stopped),
    },
    tasks=("reach_t",),
    sources={"expert": {"region": "gaussian"}},
    demonstrations=(3,),
    cameras=("front",),
    rollouts=4,
)
