"""Checkpoints: each of their files, loaded as a policy that then acts through the runtime."""

from __future__ import annotations

import contextlib
import json
import shutil
import struct
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import yaml
from safetensors.torch import save_file

from visuomotor.bench.fuzzing.mutation import mutated
from visuomotor.bench.fuzzing.target import Target, Violation
from visuomotor.bench.fuzzing.tiny_policies import write_tiny_policies
from visuomotor.bench.fuzzing.values import changed
from visuomotor.bench.fuzzing.yaml_texts import yaml_text
from visuomotor.checkpoint import CONFIG, NORMALISER, OBSERVATION, WEIGHTS, load_checkpoint
from visuomotor.config import save_yaml
from visuomotor.contracts import STEP_NS, CameraFrame, RobotState, SyncedFrame
from visuomotor.errors import VisuomotorError
from visuomotor.geometry import PinholeCamera, is_pose, pose
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies import load_policy
from visuomotor.policies.runtime import PolicyRuntime

_FILES = (CONFIG, WEIGHTS, NORMALISER, OBSERVATION)
_DOWN = np.diag([1.0, -1.0, -1.0])


def checkpoint(folder: Path) -> Target:
    """One file of one family's checkpoint; the first line of an input names both."""
    written = write_tiny_policies(folder / "whole")

    def make(rng: Random) -> bytes:
        family, file = rng.choice(sorted(written)), rng.choice(_FILES)
        content = (written[family] / file).read_bytes()
        head = f"{family} {file}\n".encode()
        if file.endswith(".yaml"):
            return head + yaml_text(yaml.safe_load(content), rng)
        return head + _tensors(content, rng)

    def use(data: bytes) -> None:
        first, _, content = data.partition(b"\n")
        family, _, file = first.decode().partition(" ")
        case = folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(written[family], case)
        (case / file).write_bytes(content)
        runtime = PolicyRuntime(load_policy(case))
        if not family.startswith("skill"):  # which plan for seconds, whatever they were given
            _act(runtime)

    return Target(make, use)


def lerobot_folder(folder: Path) -> Target:
    """One file of a folder that LeRobot trained; read without LeRobot."""
    whole = _write_lerobot(folder / "whole")
    files = sorted(p.name for p in whole.iterdir())

    def make(rng: Random) -> bytes:
        name = rng.choice(files)
        content = (whole / name).read_bytes()
        head = f"{name}\n".encode()
        if name.endswith(".yaml"):
            return head + yaml_text(yaml.safe_load(content), rng)
        if name.endswith(".json"):
            return head + json_text(json.loads(content), rng)
        return head + _tensors(content, rng)

    def use(data: bytes) -> None:
        first, _, content = data.partition(b"\n")
        case = folder / "case"
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(whole, case)
        (case / first.decode()).write_bytes(content)
        load_checkpoint(case)

    return Target(make, use)


def json_text(values: Any, rng: Random) -> bytes:
    """A JSON text that once said `values`."""
    what = rng.randrange(6)
    if what == 0:
        return mutated(json.dumps(values).encode(), rng)
    if what == 1:
        return b"[" * rng.choice((100, 5000, 100_000))
    if what == 2:
        return json.dumps(values).encode(rng.choice(("utf-16", "utf-32", "utf-8-sig")))
    return json.dumps(changed(values, rng, rng.choice((1, 1, 2)))).encode()


def _tensors(content: bytes, rng: Random) -> bytes:
    """A safetensors file: its bytes, its header, or its numbers damaged."""
    what = rng.randrange(3)
    if what == 0 or len(content) < 8:
        return mutated(content, rng)
    (size,) = struct.unpack_from("<Q", content)
    header, numbers = json.loads(content[8 : 8 + size]), content[8 + size :]
    if what == 1:
        text = json_text(header, rng)
        claimed = rng.choice((len(text), len(text), len(text), 2**32, 2**63 - 1, 0))
        return struct.pack("<Q", claimed) + text + numbers
    return content[: 8 + size] + _numbers(numbers, rng)


def _numbers(data: bytes, rng: Random) -> bytes:
    values = np.frombuffer(data[: len(data) // 4 * 4], np.float32).copy()
    if len(values):
        some = [rng.randrange(len(values)) for _ in range(rng.choice((1, 3, len(values))))]
        values[some] = rng.choice((np.nan, np.inf, -np.inf, 1e38, -1e38, 0.0, 1e-45, 100.0))
    return bytes(values.tobytes()) + data[len(data) // 4 * 4 :]


def _act(runtime: PolicyRuntime) -> None:
    """Two steps; what they command is a pose and a width, or refused."""
    with contextlib.suppress(VisuomotorError):  # most have no goals
        runtime.set_goal(np.zeros((16, 24, 3), np.uint8))
    runtime.reset(seed=1)
    for step in range(2):
        action = runtime.step(_frame(step))
        if not (is_pose(action.T_base_ee) and np.isfinite(action.gripper_width_m)):
            raise Violation("the runtime gave an action that is none")


def _frame(step: int) -> SyncedFrame:
    rng = np.random.default_rng(step)
    camera = CameraFrame(
        rng.integers(0, 256, (16, 24, 3), dtype=np.uint8),
        rng.integers(500, 900, (16, 24), dtype=np.uint16),
        PinholeCamera.from_fovy(24, 16, 0.8),
        pose(_DOWN, [0.5, 0.0, 0.9]),
    )
    robot = RobotState(step * STEP_NS, pose(_DOWN, [0.5, 0, 0.3]), np.zeros(7), np.zeros(7), 0.05)
    things = {"object": pose(position=[0.5, 0.0, 0.02]), "static": pose(position=[0.5, -0.2, 0.0])}
    return SyncedFrame(step * STEP_NS, {"front": camera}, robot, objects=things)


def _write_lerobot(folder: Path) -> Path:
    folder.mkdir(parents=True)
    shapes = {"observation.state": [10], "observation.images.front": [3, 16, 24]}
    config = {
        "type": "act",
        "input_features": {k: {"type": "VISUAL", "shape": v} for k, v in shapes.items()},
        "output_features": {"action": {"type": "ACTION", "shape": [10]}},
        "chunk_size": 8,
    }
    steps = {
        "policy_preprocessor": ("rename_observations", "to_batch", "device", "normalizer"),
        "policy_postprocessor": ("unnormalizer", "device"),
    }
    (folder / "config.json").write_text(json.dumps(config))
    for name, kinds in steps.items():
        listed: list[dict[str, Any]] = []
        for kind in kinds:
            step: dict[str, Any] = {"registry_name": f"{kind}_processor", "config": {}}
            if "normalizer" in kind:
                step["state_file"] = f"{name}.safetensors"
                statistics = {"action.mean": torch.zeros(10), "action.std": torch.ones(10)}
                save_file(statistics, str(folder / step["state_file"]))
            listed.append(step)
        (folder / f"{name}.json").write_text(json.dumps({"name": name, "steps": listed}))
    save_file({"weight": torch.ones(2)}, str(folder / "model.safetensors"))
    save_yaml(ObservationSpec((CameraSpec("front", 16, 24, depth=False),)), folder / OBSERVATION)
    return folder
