"""LeRobot's folder of a trained policy, read as JSON and safetensors alone: no code, no pickle.

LeRobot's own reader imports the classes that the processors' files name; here nothing is imported,
and processors other than the ordinary ones are refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from visuomotor.checkpoint import OBSERVATION, Checkpoint, load_tensors
from visuomotor.config import load_yaml
from visuomotor.errors import CheckpointError, ConfigError, shown, unknown_name
from visuomotor.observations import ObservationSpec
from visuomotor.policies.lerobot.features import ACTION, NAMES, narrowed

FAMILY = "lerobot"
CONFIG, WEIGHTS, TRAINING = "config.json", "model.safetensors", "train_config.json"
KINDS = ("act", "diffusion")
"""LeRobot's policies that are run here, as their config.json names them."""

_PROCESSORS = {
    "policy_preprocessor.json": (
        "rename_observations_processor",
        "to_batch_processor",
        "device_processor",
        "normalizer_processor",
    ),
    "policy_postprocessor.json": ("unnormalizer_processor", "device_processor"),
}
"""File -> the steps that LeRobot makes for KINDS, in their order."""


def read_folder(folder: Path) -> Checkpoint:
    """LeRobot's `pretrained_model` folder as a checkpoint of the family `lerobot`.

    config: config.json's values. normaliser: LeRobot's statistics, `<feature>.<mean, std, ...>`.
    The cameras are those of observation.yaml beside it or, without one, in the dataset that
    train_config.json names. Raises CheckpointError for whatever is missing, damaged or unusual.
    """
    config = _read_json(folder / CONFIG)
    kind = str(config.get("type"))
    if kind not in KINDS:
        raise CheckpointError(f"{folder}: {unknown_name('LeRobot policy', kind, KINDS)}")
    if config.get("use_peft"):
        raise CheckpointError(f"{folder}: got adapters (use_peft), expected whole weights")
    where = str(folder / CONFIG)
    inputs = _shapes(config, "input_features", where)
    outputs = _shapes(config, "output_features", where)
    if outputs != {ACTION: (len(NAMES),)}:
        raise CheckpointError(
            f"{where}: got the outputs {outputs}; expected {ACTION} of {len(NAMES)} entries "
            f"({', '.join(NAMES)}): train it on a dataset of `visuomotor export lerobot`"
        )
    spec = narrowed(_spec(folder), inputs, where)
    normaliser = _statistics(folder)
    return Checkpoint(FAMILY, config, load_tensors(folder / WEIGHTS), normaliser, spec)


def _shapes(config: dict[str, Any], name: str, where: str) -> dict[str, tuple[int, ...]]:
    try:
        return {str(k): tuple(map(int, v["shape"])) for k, v in config[name].items()}
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{where}: {name}: {error!r}; expected features with a shape each"
        ) from error


def _spec(folder: Path) -> ObservationSpec:
    """Of the cameras that the policy was trained on."""
    path = folder / OBSERVATION
    if not path.exists() and (folder / TRAINING).exists():
        dataset = _read_json(folder / TRAINING).get("dataset")
        root = dataset.get("root") if isinstance(dataset, dict) else None
        path = Path(str(root)) / "meta" / OBSERVATION if root else path
    if not path.exists():
        raise CheckpointError(
            f"{folder}: no {OBSERVATION}; which cameras it sees, and how they are cropped, says "
            f"meta/{OBSERVATION} of the dataset that `visuomotor export lerobot` wrote: copy it "
            f"beside {CONFIG}"
        )
    try:
        return load_yaml(ObservationSpec, path)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error


def _statistics(folder: Path) -> dict[str, Tensor]:
    """Of both processors, which have the same; nothing but the usual steps is taken."""
    found: dict[str, Tensor] = {}
    for file, usual in _PROCESSORS.items():
        steps = _read_json(folder / file).get("steps")
        steps = steps if isinstance(steps, list) else []
        names = [s.get("registry_name") for s in steps if isinstance(s, dict)]
        if tuple(names) != usual or len(names) != len(steps):
            raise CheckpointError(
                f"{folder / file}: got the steps {shown(names)}, expected {', '.join(usual)}; a "
                "policy with processors of its own needs LeRobot's own runtime"
            )
        for step in steps:
            config = step.get("config", {})
            if not isinstance(config, dict) or config.get("rename_map"):
                raise CheckpointError(
                    f"{folder / file}: got a rename_map; expected none, train it under the names "
                    "of the exported dataset"
                )
            if "state_file" in step:
                name = str(step["state_file"])
                if name != Path(name).name or not name.endswith(".safetensors"):
                    raise CheckpointError(
                        f"{folder / file}: got the state_file {name!r}, expected the name of a "
                        "safetensors file beside it"
                    )
                found |= load_tensors(folder / name)
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: not readable as JSON: {error}; expected LeRobot's `pretrained_model` folder"
        ) from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: got {type(values).__name__}, expected a JSON object")
    return values
