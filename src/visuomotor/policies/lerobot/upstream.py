"""LeRobot itself, which has an environment of its own: imported when a policy of it is loaded."""

from __future__ import annotations

import importlib
from typing import Any

from torch import Tensor, nn

from visuomotor.checkpoint import Checkpoint, load_into
from visuomotor.errors import CheckpointError, MissingDependencyError

_POLICIES = {
    "act": ("modeling_act.ACTPolicy", "configuration_act.ACTConfig", "processor_act"),
    "diffusion": (
        "modeling_diffusion.DiffusionPolicy",
        "configuration_diffusion.DiffusionConfig",
        "processor_diffusion",
    ),
}
"""Kind -> the policy, its configuration and the module of its processors."""


def lerobot(module: str) -> Any:
    """A module of LeRobot; MissingDependencyError says where there is one."""
    try:
        return importlib.import_module(f"lerobot.{module}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "lerobot":
            raise
        raise MissingDependencyError(
            "this needs lerobot, which is not installed here; it has an environment of its own: "
            "`make lerobot`, then the same command with .venv-lerobot/bin/visuomotor"
        ) from error


def make_network(checkpoint: Checkpoint, where: str) -> tuple[nn.Module, Any, Any]:
    """LeRobot's policy on the CPU with these weights, and its pre- and postprocessor.

    CheckpointError if its configuration is none, or the weights do not fit it.
    """
    kind = str(checkpoint.config["type"])
    policy_name, config_name, processors = _POLICIES[kind]
    folder = f"policies.{kind}"
    values = {k: v for k, v in checkpoint.config.items() if k != "type"}
    # The weights are in the folder: nothing is downloaded for the backbone to begin with.
    values |= {"device": "cpu", "pretrained_backbone_weights": None, "push_to_hub": False}
    config_class, policy_class = _named(folder, config_name), _named(folder, policy_name)
    try:
        config = importlib.import_module("draccus").decode(config_class, values)
        policy: nn.Module = policy_class(config)
    except Exception as error:  # draccus, LeRobot and torch each have their own
        raise CheckpointError(
            f"{where}: not a configuration of LeRobot's {kind}: {error}; "
            "expected one that the installed lerobot wrote"
        ) from error
    load_into(policy, checkpoint.tensors, where)
    policy.eval()
    make = getattr(lerobot(f"{folder}.{processors}"), f"make_{kind}_pre_post_processors")
    pre, post = make(config, _statistics(checkpoint, config, where))
    return policy, pre, post


def _named(folder: str, name: str) -> Any:
    module, _, attribute = name.partition(".")
    return getattr(lerobot(f"{folder}.{module}"), attribute)


def _statistics(checkpoint: Checkpoint, config: Any, where: str) -> dict[str, dict[str, Tensor]]:
    """Feature -> statistic -> values, of every feature that the policy normalises."""
    found: dict[str, dict[str, Tensor]] = {}
    for name, values in checkpoint.normaliser.items():
        feature, _, statistic = name.rpartition(".")
        found.setdefault(feature, {})[statistic] = values
    needed = {"MEAN_STD": ("mean", "std"), "MIN_MAX": ("min", "max")}
    for feature, described in {**config.input_features, **config.output_features}.items():
        mode = config.normalization_mapping.get(described.type.value)
        for statistic in needed.get("" if mode is None else mode.value, ()):
            if statistic not in found.get(feature, {}):
                raise CheckpointError(
                    f"{where}: the processors lack {statistic} of {feature}; take all files from "
                    "the same training"
                )
    return found
