"""What a task is: objects, initial states by region, a scripted expert, success, a horizon."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Action, RobotState

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
    """One task; stateless, so that one instance serves every episode."""

    @property
    def name(self) -> str:
        """The name that SimConfig.task gives."""

    @property
    def objects(self) -> tuple[str, ...]:
        """The free bodies whose poses are the task's state."""

    @property
    def horizon_steps(self) -> int:
        """Control steps of 50 ms after which an episode counts as failed."""

    def add_objects(self, world: ET.Element, asset: ET.Element) -> None:
        """Adds its bodies (each with a free joint of its own name) to the scene."""

    def draw(self, rng: np.random.Generator, region: str) -> tuple[Poses, NDArray[np.float64]]:
        """Initial object poses and the initial T_base_ee (4, 4)."""

    def success(self, objects: Poses) -> bool:
        """Whether the task is solved in this state."""

    def expert(self) -> Expert:
        """A new scripted expert."""
