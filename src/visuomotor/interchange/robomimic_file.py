"""What a robomimic HDF5 file stores, as arrays; run by `BoundedReader` in a process of its own.

HDF5's library may hang or take all memory in a damaged file, and cannot be interrupted.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from visuomotor.errors import DataError, shown, unknown_name
from visuomotor.interchange.bounded_reader import finish, refuse, send, text_array

STATE = {
    "robot0_eef_pos": 3,
    "robot0_eef_quat": 4,
    "robot0_gripper_qpos": 2,
    "robot0_joint_pos": 7,
}
"""Observations of one arm and their sizes."""
IMAGE = "_image"
"""How the names of images end."""
_LONGEST, _MOST_PIXELS, _MOST_MEMORY = 1_000_000, 1 << 24, 8 << 30


def main(file: str, cameras: str, episodes: str) -> int:
    """Sends `env_args`, then of each demonstration its arrays, and then each step's images.

    cameras: JSON list of theirs; [] for all. episodes: JSON, how many at most, or null.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    allowed = _MOST_MEMORY if hard == resource.RLIM_INFINITY else min(hard, _MOST_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
    out = sys.stdout.buffer
    try:
        _send_file(out, Path(file), json.loads(cameras), json.loads(episodes))
        finish(out)
    except DataError as error:
        refuse(out, str(error))
    return 0


def _send_file(out: BinaryIO, file: Path, cameras: list[str], episodes: int | None) -> None:
    import h5py

    try:
        data = h5py.File(file, "r")["data"]
        env_args = data.attrs["env_args"]
        if not isinstance(env_args, str):
            env_args = bytes.decode(env_args)
    except Exception as error:
        raise DataError(
            f"{file}: not readable as a dataset of robomimic: {str(error)[:200]}; "
            "expected an HDF5 file with `data` and its env_args, a text of JSON"
        ) from error
    send(out, {"env_args": text_array(env_args)})
    try:
        names = sorted((n for n in data if re.fullmatch(r"demo_\d{1,9}", n)), key=_number)
    except Exception as error:
        raise DataError(f"{file}: names that are none: {shown(error)}") from error
    for name in names[:episodes]:
        where = f"{file.name} {name}"
        try:
            _send_demonstration(out, data[name], where, cameras)
        except DataError:
            raise
        except Exception as error:
            raise DataError(f"{where}: cannot be read: {shown(error)}") from error


def _send_demonstration(out: BinaryIO, demo: Any, name: str, cameras: list[str]) -> None:
    observed = demo.get("obs")
    there = (
        [] if observed is None else [k.removesuffix(IMAGE) for k in observed if k.endswith(IMAGE)]
    )
    if not there:
        raise DataError(
            f"{name}: no images; make them with robomimic's dataset_states_to_obs.py and "
            "--camera_names agentview"
        )
    for camera in cameras:
        if camera not in there:
            raise DataError(f"{name}: {unknown_name('camera', camera, there)}")
    count = len(demo["actions"])
    if count > _LONGEST:
        raise DataError(f"{name}: got {count} actions, expected at most {_LONGEST}")
    if demo["actions"].shape != (count, 7):  # all shapes before anything is read
        raise DataError(
            f"{name}: got actions {demo['actions'].shape}, expected (T, 7) of one OSC_POSE arm"
        )
    message = {key: _array(observed, key, (count, size), name) for key, size in STATE.items()}
    message["actions"] = np.asarray(demo["actions"], np.float64)
    message["name"] = text_array(name)
    message["model_file"] = text_array(str(demo.attrs.get("model_file", "")))
    if "rewards" in demo and demo["rewards"].shape == (count,):
        message["rewards"] = np.asarray(demo["rewards"], np.float64)
    images = {camera: observed[camera + IMAGE] for camera in cameras or there}
    for camera, stored in images.items():
        rows, columns = stored.shape[1:3] if stored.ndim == 4 else (0, 0)
        right = stored.ndim == 4 and len(stored) == count and stored.shape[3] == 3
        if not right or not 0 < rows * columns <= _MOST_PIXELS:
            raise DataError(f"{name}: got images {stored.shape} of {camera}, expected (T, H, W, 3)")
        message[camera + IMAGE] = np.asarray(stored.shape, np.int64)
    send(out, message)
    for i in range(count):
        try:
            pixels = {c + IMAGE: np.asarray(stored[i], np.uint8) for c, stored in images.items()}
        except Exception as error:
            raise DataError(f"{name}: image {i} cannot be read: {shown(error)}") from error
        send(out, pixels)


def _number(name: str) -> int:
    return int(name.removeprefix("demo_"))


def _array(group: Any, key: str, shape: tuple[int, ...], name: str) -> Any:
    if key not in group:
        raise DataError(f"{name}: {unknown_name('observation', key, group)}; expected one arm")
    stored = group[key]
    if stored.shape != shape:  # before it is read: a small file may claim any size
        raise DataError(f"{name}: got {key} {stored.shape}, expected {shape}")
    return np.asarray(stored, np.float64)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
