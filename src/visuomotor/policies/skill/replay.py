"""A demonstration as a checkpoint: done again on the arm, without any learning."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visuomotor.checkpoint import Checkpoint, save_checkpoint
from visuomotor.config import from_mapping, load_yaml
from visuomotor.errors import CheckpointError, DataError
from visuomotor.observations import ObservationSpec
from visuomotor.policies.skill.arm_config import SkillArmConfig
from visuomotor.policies.skill.motion import Replay
from visuomotor.policies.skill.policy import SkillPolicy
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import Demonstration

FAMILY = "skill_replay"
_ARRAYS = tuple(f.name for f in fields(Demonstration) if f.name not in ("action", "rate_hz"))


@dataclass(frozen=True)
class ReplayConfig:
    """Of which action a replay is, a name of video.actions.ACTIONS, and its steps per second."""

    action: str
    rate_hz: float


def save_replay(folder: Path, shown: Demonstration) -> None:
    """Writes a checkpoint of family `skill_replay`; its tensors are the demonstration's arrays."""
    tensors = {name: torch.from_numpy(np.array(getattr(shown, name))) for name in _ARRAYS}
    static = find_action(shown.action).static
    spec = ObservationSpec(objects=("static", "object") if static else ("object",))
    card = f"# Replay: {shown.action}\nOne demonstration of {len(shown.phase)} steps, done again.\n"
    save_checkpoint(
        folder, FAMILY, ReplayConfig(shown.action, shown.rate_hz), tensors, {}, spec, card
    )


def load(checkpoint: Checkpoint, folder: Path, config: SkillArmConfig | None = None) -> SkillPolicy:
    """The demonstration on an arm; CheckpointError for one that is not whole."""
    told = from_mapping(ReplayConfig, checkpoint.config, str(folder))
    missing = [name for name in _ARRAYS if name not in checkpoint.tensors]
    if missing:
        raise CheckpointError(f"{folder}: the demonstration lacks {', '.join(missing)}")
    arrays: dict[str, Any] = {n: checkpoint.tensors[n].double().numpy() for n in _ARRAYS}
    arrays["phase"] = checkpoint.tensors["phase"].long().numpy()
    try:
        shown = Demonstration(told.action, told.rate_hz, **arrays)
    except DataError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    return SkillPolicy(Replay(shown), config)


def load_with_settings(checkpoint: Checkpoint, folder: Path, settings: Path) -> SkillPolicy:
    """The same, with a SkillArmConfig in YAML."""
    return load(checkpoint, folder, load_yaml(SkillArmConfig, settings))
