"""robomimic's HDF5 files (one arm of robosuite, with images) -> episodes for our bags."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.contracts import STEP_NS
from visuomotor.errors import DataError, MissingDependencyError, shown, unknown_name
from visuomotor.geometry import inverse
from visuomotor.interchange.episodes import ImportedEpisode, ImportedStep
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

_STATE = {
    "robot0_eef_pos": 3,
    "robot0_eef_quat": 4,
    "robot0_gripper_qpos": 2,
    "robot0_joint_pos": 7,
}
_IMAGE = "_image"
_LONGEST, _MOST_PIXELS = 1_000_000, 1 << 24
_DAMAGE = (
    ArithmeticError, AttributeError, LookupError, OSError, RecursionError, RuntimeError, TypeError,
    ValueError,
)  # fmt: skip
"""What HDF5's library raises for a damaged file, and Python for values of other kinds."""


def read_robomimic(
    file: Path, cameras: dict[str, str], episodes: int | None = None
) -> Iterator[ImportedEpisode]:
    """The demonstrations of a file in their order, opened while they are read.

    cameras: theirs -> ours, such as {"agentview": "front"}; without any, all under their own
    names. Raises DataError for a file without images, with other entries, or not at 20 Hz.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "robomimic's files need h5py, which is not installed; pip install h5py"
        ) from error
    with contextlib.ExitStack() as stack:
        try:
            data = stack.enter_context(h5py.File(file, "r"))["data"]
            env_args = json.loads(data.attrs["env_args"])
        except _DAMAGE as error:
            raise DataError(
                f"{file}: not readable as a dataset of robomimic: {error}; expected an HDF5 file "
                "with `data` and its env_args"
            ) from error
        try:
            rate_hz = env_args.get("env_kwargs", {}).get("control_freq", 20)
            if not isinstance(rate_hz, (int, float)):  # a list times a number is a long list
                raise DataError(f"{file}: got control_freq {shown(rate_hz)}, expected 20")
            if not abs(rate_hz * STEP_NS * 1e-9 - 1) <= 1e-6:
                raise DataError(f"{file}: got {rate_hz} Hz, expected 20 Hz, our control step")
            controller = controller_of(env_args)
            names = sorted((n for n in data if re.fullmatch(r"demo_\d{1,9}", n)), key=_number)
        except _DAMAGE as error:
            raise DataError(f"{file}: env_args or names that are none: {shown(error)}") from error
        for name in names[:episodes]:
            where = f"{Path(file).name} {name}"
            try:
                episode = _episode(data[name], where, cameras, controller)
            except _DAMAGE as error:
                raise DataError(f"{where}: cannot be read: {shown(error)}") from error
            yield episode


def _number(name: str) -> int:
    return int(name.removeprefix("demo_"))


def _episode(
    demo: Any, name: str, cameras: dict[str, str], controller: Controller
) -> ImportedEpisode:
    observed = demo.get("obs")
    there = [] if observed is None else [k.removesuffix(_IMAGE) for k in observed if _IMAGE in k]
    if not there:
        raise DataError(
            f"{name}: no images; make them with robomimic's dataset_states_to_obs.py and "
            "--camera_names agentview"
        )
    chosen = cameras or {camera: camera for camera in there}
    for camera in chosen:
        if camera not in there:
            raise DataError(f"{name}: {unknown_name('camera', camera, there)}")
    count = len(demo["actions"])
    if count > _LONGEST:
        raise DataError(f"{name}: got {count} actions, expected at most {_LONGEST}")
    if demo["actions"].shape != (count, 7):  # all shapes before anything is read
        raise DataError(
            f"{name}: got actions {demo['actions'].shape}, expected (T, 7) of one OSC_POSE arm"
        )
    state = {key: _array(observed, key, (count, size), name) for key, size in _STATE.items()}
    actions = np.asarray(demo["actions"], np.float64)
    model = str(demo.attrs.get("model_file", ""))
    to_base = inverse(base_of(model))
    T_world_ee = world_poses(state["robot0_eef_pos"], state["robot0_eef_quat"])
    T_base_ee = to_base @ T_world_ee
    asked = to_base @ targets(T_world_ee, actions, controller)
    width, asked_width = widths_m(state["robot0_gripper_qpos"]), commanded_widths_m(actions[:, 6])
    images = {ours: observed[theirs + _IMAGE] for theirs, ours in chosen.items()}
    for camera, stored in images.items():
        rows, columns = stored.shape[1:3] if stored.ndim == 4 else (0, 0)
        right = stored.ndim == 4 and len(stored) == len(actions) and stored.shape[3] == 3
        if not right or not 0 < rows * columns <= _MOST_PIXELS:
            raise DataError(f"{name}: got images {stored.shape} of {camera}, expected (T, H, W, 3)")
    mounts = {
        ours: camera_of(model, theirs, images[ours].shape[2], images[ours].shape[1])
        for theirs, ours in chosen.items()
    }
    steps = (
        ImportedStep(
            {camera: _pixels(stored, i, name) for camera, stored in images.items()},
            T_base_ee[i],
            float(width[i]),
            state["robot0_joint_pos"][i],
            asked[i],
            float(asked_width[i]),
        )
        for i in range(len(actions))
    )
    rewards = np.zeros(0)
    if "rewards" in demo and len(demo["rewards"]) == count:
        rewards = np.asarray(demo["rewards"], np.float64)
    outcome: Outcome = "success" if rewards.size and rewards.max() > 0 else "unknown"
    return ImportedEpisode(name, steps, mounts, outcome, ("robomimic",))


def _pixels(stored: Any, step: int, name: str) -> Any:
    try:
        return np.asarray(stored[step], np.uint8)
    except _DAMAGE as error:
        raise DataError(f"{name}: image {step} cannot be read: {shown(error)}") from error


def _array(group: Any, key: str, shape: tuple[int, ...], name: str) -> Any:
    if key not in group:
        raise DataError(f"{name}: {unknown_name('observation', key, group)}; expected one arm")
    stored = group[key]
    if stored.shape != shape:  # before it is read: a small file may claim any size
        raise DataError(f"{name}: got {key} {stored.shape}, expected {shape}")
    return np.asarray(stored, np.float64)
