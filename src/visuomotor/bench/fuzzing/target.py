"""What is fuzzed: something that makes inputs, and something of ours that takes them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from visuomotor.errors import DataError, unknown_name


class Violation(Exception):
    """Something was taken or done that must not be: a limit left, an answer of status 500."""


@dataclass(frozen=True)
class Target:
    """make: an input, of nothing but its numbers. use: takes it, raising a VisuomotorError of ours
    if it refuses; whatever else it raises is a defect.
    """

    make: Callable[[Random], bytes]
    use: Callable[[bytes], None]


Opener = Callable[[Path], Target]
"""Makes a target whose files are in a folder of its own."""


@dataclass(frozen=True)
class Entry:
    """Where a target is (`module:function`), and how many cases of a whole campaign are its."""

    where: str
    cases: int


_HERE = "visuomotor.bench.fuzzing"
TARGETS: dict[str, Entry] = {
    "bag": Entry(f"{_HERE}.bags:bag", 400),
    "bag_metadata": Entry(f"{_HERE}.bags:metadata", 400),
    "bag_messages": Entry(f"{_HERE}.bags:messages", 250),
    "bag_repair": Entry(f"{_HERE}.bags:partial", 250),
    "sidecar": Entry(f"{_HERE}.bags:sidecar", 500),
    "calibration": Entry(f"{_HERE}.yaml_files:calibration", 3000),
    "board": Entry(f"{_HERE}.yaml_files:board", 2000),
    "node_config": Entry(f"{_HERE}.yaml_files:node_config", 2500),
    "training_config": Entry(f"{_HERE}.yaml_files:training_config", 2500),
    "observation_spec": Entry(f"{_HERE}.yaml_files:observation_spec", 2000),
    "checkpoint": Entry(f"{_HERE}.checkpoints:checkpoint", 1500),
    "lerobot_folder": Entry(f"{_HERE}.checkpoints:lerobot_folder", 2500),
    "robomimic": Entry(f"{_HERE}.interchange:robomimic", 500),
    "lerobot_outcomes": Entry(f"{_HERE}.interchange:lerobot_outcomes", 3000),
    "image_msg": Entry(f"{_HERE}.ros_messages:image", 16000),
    "camera_info_msg": Entry(f"{_HERE}.ros_messages:camera_info", 10000),
    "state_msg": Entry(f"{_HERE}.ros_messages:state", 14000),
    "cloud_msg": Entry(f"{_HERE}.ros_messages:cloud", 12000),
    "picture": Entry(f"{_HERE}.pictures:picture", 4000),
    "compressed_image": Entry(f"{_HERE}.pictures:compressed", 10000),
    "video": Entry(f"{_HERE}.pictures:video", 800),
    "web_page": Entry(f"{_HERE}.pages:requests", 1500),
    "web_connection": Entry(f"{_HERE}.pages:connection", 1000),
    "phone": Entry(f"{_HERE}.pages:phone", 10000),
    "bridge": Entry(f"{_HERE}.arm:bridge", 1500),
}
"""Name -> where it is."""


def open_target(where: str, folder: Path) -> Target:
    """The target `module:function`, or one of TARGETS; DataError where there is none such."""
    if ":" not in where:
        if where not in TARGETS:
            raise DataError(unknown_name("target", where, TARGETS))
        where = TARGETS[where].where
    module, _, function = where.partition(":")
    opener: Opener = getattr(importlib.import_module(module), function)
    return opener(folder)


def case_seed(seed: int, name: str, number: int) -> str:
    """What the n-th input of a target is made of."""
    return f"{seed}/{name}/{number}"
