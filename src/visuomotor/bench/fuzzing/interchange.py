"""Datasets of others: robomimic's HDF5 files, and what our export notes beside a LeRobotDataset."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from visuomotor.bench.fuzzing.checkpoints import json_text
from visuomotor.bench.fuzzing.mutation import mutated
from visuomotor.bench.fuzzing.target import Target
from visuomotor.bench.fuzzing.values import changed
from visuomotor.errors import MissingDependencyError
from visuomotor.interchange.episodes import write_episodes
from visuomotor.interchange.lerobot_export import OUTCOMES
from visuomotor.interchange.lerobot_import import episode_notes
from visuomotor.interchange.robomimic_import import read_robomimic

_MODEL = """<mujoco><worldbody><camera name="agentview" pos="0.5 0 1.35" quat="0.6 0.4 0.4 0.6"/>
<body name="robot0_base" pos="-0.56 0 0.912"/></worldbody></mujoco>"""
_STEPS = 3
_SILENT_S = 5.0
_SHAPES = {
    "actions": (_STEPS, 7),
    "rewards": (_STEPS,),
    "obs/robot0_eef_pos": (_STEPS, 3),
    "obs/robot0_eef_quat": (_STEPS, 4),
    "obs/robot0_gripper_qpos": (_STEPS, 2),
    "obs/robot0_joint_pos": (_STEPS, 7),
    "obs/agentview_image": (_STEPS, 8, 12, 3),
}
_ENV = {
    "env_name": "Lift",
    "env_kwargs": {
        "control_freq": 20,
        "controller_configs": {"type": "OSC_POSE", "output_max": [0.05] * 6, "control_delta": True},
    },
}


def robomimic(folder: Path) -> Target:
    """An HDF5 file: its bytes, its env_args, its arrays' shapes, types and numbers."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingDependencyError("h5py is not installed") from error
    whole = _file(h5py, Random(0), wrong=False)
    shown = folder / "whole.hdf5"
    shown.write_bytes(whole)
    # the first bag that a process writes asks git for the software's commit
    assert len(list(write_episodes(read_robomimic(shown, {}), folder / "whole", "lift", ""))) == 1

    def make(rng: Random) -> bytes:
        return mutated(whole, rng) if rng.random() < 0.4 else _file(h5py, rng, wrong=True)

    def use(data: bytes) -> None:
        path, out = folder / "case.hdf5", folder / "bags"
        shutil.rmtree(out, ignore_errors=True)
        path.write_bytes(data)
        for _ in write_episodes(read_robomimic(path, {}, silent_s=_SILENT_S), out, "lift", "fuzz"):
            pass

    return Target(make, use)


def lerobot_outcomes(folder: Path) -> Target:
    """The JSON in which our export notes outcomes and tags."""
    path = folder / "meta" / OUTCOMES
    path.parent.mkdir()
    note = {"episode_index": 0, "outcome": "success", "tags": ["a"]}
    values = {"episodes": [note, {**note, "episode_index": 1}]}

    def use(data: bytes) -> None:
        path.write_bytes(data)
        episode_notes(folder)

    return Target(lambda rng: json_text(values, rng), use)


def _file(h5py: Any, rng: Random, wrong: bool) -> bytes:
    """One demonstration; wrong: with one thing that is not as it should be."""
    shapes: dict[str, Any] = dict(_SHAPES)
    odd = rng.choice(sorted(shapes)) if wrong else ""
    what = rng.randrange(5)
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        data = file.create_group("data")
        env: Any = changed(_ENV, rng) if wrong and what == 0 else _ENV
        data.attrs["env_args"] = rng.choice((b"\xff", 3.0)) if what == 1 and wrong else _text(env)
        demo = data.create_group("demo_0")
        model = mutated(_MODEL.encode(), rng).decode("latin-1") if wrong else _MODEL
        demo.attrs["model_file"] = model.replace("\0", "")  # which HDF5's text cannot hold
        for name, shape in shapes.items():
            kind: Any = np.uint8 if name.endswith("image") else np.float64
            values = np.frombuffer(rng.randbytes(int(np.prod(shape))), np.uint8).reshape(shape)
            array: Any = (values if kind is np.uint8 else values / 256).astype(kind)
            if name == odd and what == 2:
                array = np.full(shape, rng.choice((np.nan, np.inf, 1e300, 0.0)))
            if name == odd and what == 3:
                _huge(demo, name, rng, shape)
                continue
            if name == odd and what == 4:
                array = rng.choice((array[:1], array[..., :1], np.array("text", "S4"), array[None]))
            demo[name] = array
    return buffer.getvalue()


def _huge(demo: Any, name: str, rng: Random, shape: tuple[int, ...]) -> None:
    """A dataset that claims to be large, though nothing of it is stored."""
    claimed = (rng.choice((10**6, 10**9, 10**12)), *shape[1:])
    chunks = tuple(min(max(side, 1), 4) for side in claimed)
    demo.create_dataset(name, claimed, "f8", chunks=chunks, compression="gzip")


def _text(values: Any) -> str:
    return json.dumps(values)
