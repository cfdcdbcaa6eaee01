"""Calibrations, boards, and the configurations of nodes, training runs and policies."""

from __future__ import annotations

import dataclasses
import importlib
import shutil
from pathlib import Path
from random import Random
from typing import Any

import yaml

from visuomotor.bench.fuzzing.target import Target, Violation
from visuomotor.bench.fuzzing.values import changed
from visuomotor.bench.fuzzing.yaml_texts import yaml_text
from visuomotor.calibration.board import Board
from visuomotor.calibration.file import load_board, write_latency
from visuomotor.config import from_mapping, load_yaml, read_yaml, save_yaml, to_mapping
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.ros.launch import share_folder
from visuomotor.sync.calibration import load_calibration
from visuomotor.sync.latency import Latency, load_latency
from visuomotor.training import FAMILIES, read_config

NODES = (
    "cartesian_bridge", "console", "demonstrator", "descriptors", "generator", "policy", "recorder",
    "rgbd_sync", "sim", "teleop", "train_descriptors", "train_policy", "weak_capture",
)  # fmt: skip
_POSE = [[1.0, 0.0, 0.0, 0.5], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.9], [0.0, 0.0, 0.0, 1.0]]
_CALIBRATION = {
    "front": {
        "T_base_camera": _POSE, "width": 640, "height": 480, "fx": 600.0, "fy": 600.0,
        "cx": 319.5, "cy": 239.5, "date": "2025-01-01", "views": 20, "error_mm": 1.2,
    },
    "wrist": {"T_ee_camera": _POSE},
    "latency": {"cameras": {"front": 0.03, "wrist": 0.01}, "command": 0.05, "reference": 0.04},
}  # fmt: skip


def calibration(folder: Path) -> Target:
    """A calibration file, read, and what was measured written beside what it says."""
    path = folder / "calibration.yaml"

    def use(data: bytes) -> None:
        path.write_bytes(data)
        load_calibration(path, ("front", "wrist"))
        load_latency(path)
        write_latency(path, Latency({"front": 0.02}))
        if load_latency(path).cameras["front"] != 0.02:
            raise Violation("a latency that was written is not read back")

    return Target(lambda rng: yaml_text(_CALIBRATION, rng), use)


def board(folder: Path) -> Target:
    """A calibration board's file."""
    path = folder / "board.yaml"

    def use(data: bytes) -> None:
        path.write_bytes(data)
        load_board(path)

    return Target(lambda rng: yaml_text(to_mapping(Board()), rng), use)


def observation_spec(folder: Path) -> Target:
    """A checkpoint's `observation.yaml`."""
    path = folder / "observation.yaml"
    values = to_mapping(ObservationSpec((CameraSpec("front"), CameraSpec("wrist")), ("mug",)))

    def use(data: bytes) -> None:
        path.write_bytes(data)
        _round_trip(load_yaml(ObservationSpec, path), folder / "again.yaml")

    return Target(lambda rng: yaml_text(values, rng), use)


def node_config(folder: Path) -> Target:
    """A node's parameters, from its defaults; the first line names the node."""
    told = {"teleop": {"device": "gamepad"}}
    defaults = {name: to_mapping(_node(name)(**told.get(name, {}))) for name in NODES}

    def make(rng: Random) -> bytes:
        name = rng.choice(NODES)
        return f"# {name}\n".encode() + yaml_text(defaults[name], rng)

    def use(data: bytes) -> None:
        first, _, rest = data.partition(b"\n")
        path = folder / "node.yaml"
        path.write_bytes(rest)
        _round_trip(from_mapping(_node(first[2:].decode()), read_yaml(path)), folder / "again.yaml")

    return Target(make, use)


def training_config(folder: Path) -> Target:
    """A training's YAML file: its defaults, or those that this package has for it."""
    given = {family: [to_mapping(read_config(family, None))] for family in FAMILIES}
    for path in sorted((share_folder() / "config").glob("*.yaml")):
        kind, _, rest = path.stem.partition("_")
        family = "descriptors" if kind == "descriptors" else rest.partition("_")[0]
        if kind in ("policy", "descriptors", "train") and family in FAMILIES:
            given[family].append(yaml.safe_load(path.read_text()) or {})

    def make(rng: Random) -> bytes:
        family = rng.choice(sorted(FAMILIES))
        values = rng.choice(given[family])
        if rng.random() < 0.3:  # a file has departures from the defaults only
            values = {k: v for k, v in values.items() if rng.random() < 0.3}
        return f"# {family}\n".encode() + yaml_text(changed(values, rng, 0), rng)

    def use(data: bytes) -> None:
        first, _, rest = data.partition(b"\n")
        path = folder / "training.yaml"
        path.write_bytes(rest)
        _round_trip(read_config(first[2:].decode(), path), folder / "again.yaml")

    return Target(make, use)


def _node(name: str) -> Any:
    return importlib.import_module(f"visuomotor.nodes.{name}").Config


def _round_trip(config: Any, path: Path) -> None:
    """What was accepted can be written and is read back as the same."""
    shutil.rmtree(path, ignore_errors=True)
    save_yaml(config, path)
    again = load_yaml(type(config), path)
    if repr(dataclasses.asdict(again)) != repr(dataclasses.asdict(config)):
        raise Violation("a configuration that was written is read back as another")
