"""Pictures of a skill at work, and of demonstrations replayed in physics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from visuomotor.bench.skill_benchmark import SEED
from visuomotor.contracts import UInt8
from visuomotor.errors import DataError
from visuomotor.policies.skill import load_skill
from visuomotor.sim.gripper import GripperPictures, GripperState, draw_starts
from visuomotor.training.loop import one_thread
from visuomotor.training.skill_rollouts import roll_out
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import Demonstration
from visuomotor.video.replay import Replay, replay

SOLVED, NOT_SOLVED = (15, 157, 114), (200, 60, 45)
_EDGE = 4


@dataclass(frozen=True)
class Film:
    """images (T, H, W, 3), framed in green where the action's metric is satisfied at the end."""

    title: str
    images: UInt8
    solved: bool


def skill_rollouts(
    checkpoint: Path, benchmark: str, number: int, action: str, seed: int = 0
) -> list[Film]:
    """The first `number` starts of a benchmark, easy or hard, not a choice of good ones.

    Raises DataError for a checkpoint of another action.
    """
    network = load_skill(checkpoint)
    if network.config.action != action:
        raise DataError(f"{checkpoint}: its action is {network.config.action}, expected {action}")
    states: list[GripperState] = []
    starts = draw_starts(benchmark, number, SEED)
    with one_thread():
        success = roll_out(network, starts, seed, threads=0, look=states.append).success
    two = find_action(network.config.action).static
    pictures = GripperPictures(2 if two else 1)
    try:
        return [
            Film(
                f"{benchmark}, start {i}",
                framed([pictures.draw(s, i) for s in states], bool(success[i])),
                bool(success[i]),
            )
            for i in range(number)
        ]
    finally:
        pictures.close()


def replay_film(name: str, demonstration: Demonstration) -> tuple[Replay, Film]:
    """A demonstration replayed in physics, and what that looked like."""
    states: list[GripperState] = []
    done = replay(demonstration, look=states.append)
    pictures = GripperPictures(states[0].objects.shape[1])
    try:
        images = framed([pictures.draw(s, 0) for s in states], done.as_replayed)
    finally:
        pictures.close()
    return done, Film(name, images, done.as_replayed)


def framed(images: Sequence[UInt8], solved: bool) -> UInt8:
    """Images with an edge in the colour of their outcome."""
    colour = SOLVED if solved else NOT_SOLVED
    edges = (_EDGE,) * 4
    made = [cv2.copyMakeBorder(i, *edges, cv2.BORDER_CONSTANT, value=colour) for i in images]
    return np.stack(made).astype(np.uint8)
