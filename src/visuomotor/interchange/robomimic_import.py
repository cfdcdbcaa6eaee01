"""robomimic's HDF5 files (one arm of robosuite, with images) -> episodes for our bags."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visuomotor.contracts import STEP_NS
from visuomotor.errors import DataError, MissingDependencyError, shown
from visuomotor.geometry import inverse
from visuomotor.interchange.bounded_reader import BoundedReader, Message, array_text
from visuomotor.interchange.episodes import ImportedEpisode, ImportedStep
from visuomotor.interchange.robomimic_file import IMAGE
from visuomotor.interchange.robosuite import (
    Controller,
    base_of,
    camera_of,
    commanded_widths_m,
    controller_of,
    targets,
    widths_m,
    world_poses,
)
from visuomotor.recording import Outcome

READER = "visuomotor.interchange.robomimic_file"
"""The module that reads the file, in a process of its own."""
_DAMAGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What Python raises for values of other kinds."""


def read_robomimic(
    file: Path, cameras: dict[str, str], episodes: int | None = None, silent_s: float = 60.0
) -> Iterator[ImportedEpisode]:
    """The demonstrations of a file in their order; the steps of one are read before the next.

    cameras: theirs -> ours, such as {"agentview": "front"}; without any, all under their own
    names. Raises DataError for a file without images, with other entries, not at 20 Hz, or in
    which HDF5's library dies or hangs for silent_s.
    """
    if importlib.util.find_spec("h5py") is None:
        raise MissingDependencyError(
            "robomimic's files need h5py, which is not installed; pip install h5py"
        )
    asked = (json.dumps(list(cameras)), json.dumps(episodes))
    with BoundedReader(READER, file, *asked, silent_s=silent_s) as reader:
        messages = iter(reader)
        controller = _controller(array_text(next(messages)["env_args"]), file)
        for stored in messages:
            name = array_text(stored["name"])
            try:
                episode = _episode(stored, messages, name, cameras, controller)
            except _DAMAGE as error:
                raise DataError(f"{name}: cannot be read: {shown(error)}") from error
            yield episode
            for _ in episode.steps:
                pass  # what nobody asked for


def _controller(text: str, file: Path) -> Controller:
    try:
        env_args = json.loads(text)
        rate_hz = env_args.get("env_kwargs", {}).get("control_freq", 20)
        if not isinstance(rate_hz, (int, float)):  # a list times a number is a long list
            raise DataError(f"{file}: got control_freq {shown(rate_hz)}, expected 20")
        if not abs(rate_hz * STEP_NS * 1e-9 - 1) <= 1e-6:
            raise DataError(f"{file}: got {rate_hz} Hz, expected 20 Hz, our control step")
        return controller_of(env_args)
    except _DAMAGE as error:
        raise DataError(f"{file}: env_args that are none: {shown(error)}") from error


def _episode(
    stored: Message,
    messages: Iterator[Message],
    name: str,
    cameras: dict[str, str],
    controller: Controller,
) -> ImportedEpisode:
    actions, model = stored["actions"], array_text(stored["model_file"])
    there = [key.removesuffix(IMAGE) for key in stored if key.endswith(IMAGE)]
    chosen = cameras or {camera: camera for camera in there}
    to_base = inverse(base_of(model))
    T_world_ee = world_poses(stored["robot0_eef_pos"], stored["robot0_eef_quat"])
    T_base_ee = to_base @ T_world_ee
    asked = to_base @ targets(T_world_ee, actions, controller)
    width, asked_width = widths_m(stored["robot0_gripper_qpos"]), commanded_widths_m(actions[:, 6])
    mounts = {}
    for theirs, ours in chosen.items():
        _, rows, columns, _ = stored[theirs + IMAGE].tolist()
        mounts[ours] = camera_of(model, theirs, columns, rows)
    steps = (
        ImportedStep(
            {ours: pixels[theirs + IMAGE] for theirs, ours in chosen.items()},
            T_base_ee[i],
            float(width[i]),
            stored["robot0_joint_pos"][i],
            asked[i],
            float(asked_width[i]),
        )
        for i, pixels in zip(range(len(actions)), messages, strict=False)
    )
    rewards = stored.get("rewards", np.zeros(0))
    outcome: Outcome = "success" if rewards.size and rewards.max() > 0 else "unknown"
    return ImportedEpisode(name, steps, mounts, outcome, ("robomimic",))
