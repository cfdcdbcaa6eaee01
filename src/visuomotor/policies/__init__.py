"""The policy families, one folder each; `runtime` calls any of them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from visuomotor.checkpoint import load_checkpoint
from visuomotor.contracts import Policy
from visuomotor.errors import CheckpointError, ConfigError, unknown_name
from visuomotor.observations import ObservationSpec

FAMILIES: dict[str, str] = {
    "bc": "visuomotor.policies.bc",
    "dense": "visuomotor.policies.dense",
    "goal": "visuomotor.policies.goal",
    "gplac": "visuomotor.policies.gplac",
    "gti": "visuomotor.policies.gti",
    "han": "visuomotor.policies.han",
    "lerobot": "visuomotor.policies.lerobot",
    "pointbc": "visuomotor.policies.pointbc",
    "skill": "visuomotor.policies.skill.policy",
    "skill_replay": "visuomotor.policies.skill.replay",
}
"""Family -> the module whose `load(checkpoint, folder)` makes the policy; imported when needed."""


class LoadedPolicy(Policy, Protocol):
    """A policy that knows which cameras it sees."""

    @property
    def spec(self) -> ObservationSpec:
        """The cameras, their sizes and crops."""


@runtime_checkable
class Seeded(Protocol):
    """A policy that draws some of what it does."""

    def seed(self, seed: int) -> None:
        """What it draws from here on depends on this number alone, and on what it sees."""


def load_policy(folder: Path | str, settings: Path | str | None = None) -> LoadedPolicy:
    """The policy of a checkpoint folder, whatever its family; CheckpointError if it is none.

    settings: a YAML file of what a family may be told about the arm and the place; ConfigError for
    a family that takes none.
    """
    checkpoint = load_checkpoint(folder)
    if checkpoint.family not in FAMILIES:
        raise CheckpointError(
            f"{folder}: {unknown_name('policy family', checkpoint.family, FAMILIES)}"
        )
    module = importlib.import_module(FAMILIES[checkpoint.family])
    if not settings:
        return cast(LoadedPolicy, module.load(checkpoint, Path(folder)))
    if not hasattr(module, "load_with_settings"):
        raise ConfigError(
            f"{folder}: got settings {settings}, but a policy of family {checkpoint.family} takes "
            "none; only skills do"
        )
    return cast(LoadedPolicy, module.load_with_settings(checkpoint, Path(folder), Path(settings)))
