"""Training loops, one per family; a new family adds a line to FAMILIES."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from visuomotor.config import from_mapping, read_yaml
from visuomotor.errors import ConfigError, unknown_name
from visuomotor.training.progress import Progress, Report

FAMILIES: dict[str, tuple[str, str, str]] = {
    "autoencoder": (
        "visuomotor.training.autoencoder",
        "AutoencoderTrainingConfig",
        "train_autoencoder",
    ),
    "bc": ("visuomotor.training.bc", "BcTrainingConfig", "train_bc"),
    "dense": ("visuomotor.training.dense", "DenseTrainingConfig", "train_dense"),
    "descriptors": (
        "visuomotor.training.descriptors",
        "DescriptorTrainingConfig",
        "train_descriptors",
    ),
    "goal": ("visuomotor.training.goal", "GoalTrainingConfig", "train_goal"),
    "gplac": ("visuomotor.training.gplac", "GplacTrainingConfig", "train_gplac"),
    "gti": ("visuomotor.training.gti", "GtiTrainingConfig", "train_gti"),
    "han": ("visuomotor.training.han", "HanTrainingConfig", "train_han"),
    "pointbc": ("visuomotor.training.pointbc", "PointBCTrainingConfig", "train_pointbc"),
}
"""Family -> module, name of its config dataclass, name of its training function."""


def train(
    family: str,
    config_file: Path | str | None,
    dataset: Path | str,
    out: Path | str,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: str = "auto",
    **overrides: Any,
) -> None:
    """Trains a family from a YAML file (None: the defaults) with some fields overridden.

    device: see `device.find_device`. It is no part of what a training is: one that was stopped may
    go on on another. Raises ConfigError for an unknown family, field or device, DataError for a
    dataset that cannot serve, and Interrupted when `should_stop` ended it.
    """
    from visuomotor.training.device import find_device  # torch, where it is needed

    config = read_config(family, config_file)
    try:
        config = replace(config, **overrides)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigError(f"{family}: {error}") from error
    module_name, _, function_name = FAMILIES[family]
    function = getattr(importlib.import_module(module_name), function_name)
    function(config, Path(dataset), Path(out), report, should_stop, find_device(device))


def read_config(family: str, config_file: Path | str | None) -> Any:
    """A family's configuration from a YAML file (None: the defaults); ConfigError as `train`."""
    if family not in FAMILIES:
        raise ConfigError(unknown_name("family", family, FAMILIES))
    module_name, config_name, _ = FAMILIES[family]
    values = read_yaml(config_file) if config_file else {}
    cls = getattr(importlib.import_module(module_name), config_name)
    return from_mapping(cls, values, str(config_file or family))


__all__ = ["FAMILIES", "Progress", "Report", "read_config", "train"]
