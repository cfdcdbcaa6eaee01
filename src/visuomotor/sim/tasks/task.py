"""What a task is: objects, initial states by region, a scripted expert, success, a horizon."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import mujoco
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Action, RobotState
from visuomotor.sim.wrenches import WrenchPulses

Poses = Mapping[str, NDArray[np.float64]]
"""T_base_object (4, 4) by object name."""


class Expert(Protocol):
    """Demonstrates a task from its true state."""

    def reset(self) -> None:
        """Forgets the episode."""

    def act(self, robot: RobotState, objects: Poses) -> Action:
        """The target for this moment."""

    def done(self, robot: RobotState, objects: Poses) -> bool:
        """Whether there is nothing left to demonstrate."""


class Task(Protocol):
    """One task in one variant; stateless, so that one instance serves every episode."""

    @property
    def name(self) -> str:
        """The name that SimConfig.task gives."""

    @property
    def objects(self) -> tuple[str, ...]:
        """The bodies whose poses are the task's state: free ones and landmarks fixed to them."""

    @property
    def horizon_steps(self) -> int:
        """Control steps of 50 ms after which an episode counts as failed."""

    @property
    def hold_s(self) -> float:
        """How long the goal state must last without a break to count as success."""

    @property
    def wrenches(self) -> WrenchPulses | None:
        """What disturbs an object at random, in demonstrations and in rollouts."""

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """Adds its bodies (each free one with a joint of its own name) to the scene."""

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Initial poses of the free bodies and the initial T_base_ee (4, 4)."""

    def dress(self, model: mujoco.MjModel, rng: np.random.Generator, objects: Poses) -> Poses:
        """Sets sizes and looks for one episode in a model that is as compiled.

        Returns the initial poses, set on the table for these sizes.
        """

    def success(self, robot: RobotState, objects: Poses) -> bool:
        """Whether this state is a goal state."""

    def error(self, robot: RobotState, objects: Poses) -> tuple[float, float] | None:
        """How far this state is from a goal state: (m, rad), each >= 0; None: no such measure.

        The angle is 0 where any will do.
        """

    def stage(self, robot: RobotState, objects: Poses) -> str:
        """The object that decides where the hand goes now."""

    def expert(self) -> Expert:
        """A new scripted expert."""


@runtime_checkable
class InEnvironments(Protocol):
    """A task that is seen in numbered environments (sim/environments.py), `plain` being one."""

    @property
    def interest(self) -> str:
        """The object that weakly labelled images show or lack."""

    def enter(self, model: mujoco.MjModel, environment: int) -> None:
        """Makes a model that is as compiled look like that environment, before `dress`."""
