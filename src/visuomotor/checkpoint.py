"""Checkpoints: a folder of YAML and safetensors; loading one never runs code from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from visuomotor import ranks
from visuomotor.config import load_yaml, read_yaml, save_yaml, to_mapping
from visuomotor.errors import CheckpointError, ConfigError, shown
from visuomotor.observations import ObservationSpec

CONFIG, WEIGHTS, NORMALISER = "config.yaml", "weights.safetensors", "normaliser.safetensors"
OBSERVATION, CARD = "observation.yaml", "card.md"
MOST = 100_000
"""No size, count or number of steps in a network's configuration comes near."""
LEROBOT = "config.json"
"""What a folder that LeRobot trained has instead of CONFIG."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint's files hold.

    family: who can load it ("dense", "descriptors", ...). config: that family's model
    configuration as plain values. tensors, normaliser: float32 on the CPU, by name.
    """

    family: str
    config: dict[str, Any]
    tensors: dict[str, Tensor]
    normaliser: dict[str, Tensor]
    spec: ObservationSpec


def save_checkpoint(
    folder: Path | str,
    family: str,
    config: Any,
    tensors: Mapping[str, Tensor],
    normaliser: Mapping[str, Tensor],
    spec: ObservationSpec,
    card: str,
) -> None:
    """Writes a checkpoint; `config.yaml` comes last, so a folder that has it is complete.

    config: a dataclass. card: Markdown on data, seeds, metrics and commit. Of processes that train
    together the first writes, and all return when it is there.
    """
    if ranks.first():
        _save(
            Path(folder), {"family": family, **to_mapping(config)}, tensors, normaliser, spec, card
        )
    ranks.wait()


def _save(
    folder: Path,
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    normaliser: Mapping[str, Tensor],
    spec: ObservationSpec,
    card: str,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).unlink(missing_ok=True)
    save_tensors(tensors, folder / WEIGHTS)
    save_tensors(normaliser, folder / NORMALISER)
    save_yaml(spec, folder / OBSERVATION)
    (folder / CARD).write_text(card)
    temporary = folder / f".{CONFIG}.{os.getpid()}"
    save_yaml(config, temporary)
    temporary.replace(folder / CONFIG)


def load_checkpoint(folder: Path | str, family: str | None = None) -> Checkpoint:
    """Reads a checkpoint; CheckpointError says what is missing, damaged, or of another family.

    A folder that LeRobot trained (`pretrained_model`) is one of the family `lerobot`.
    """
    folder = Path(folder)
    if (folder / LEROBOT).exists() and not (folder / CONFIG).exists():
        checkpoint = _lerobot(folder)
        if family not in (None, checkpoint.family):
            raise CheckpointError(
                f"{folder}: got a policy of LeRobot, expected a checkpoint of family {family}"
            )
        return checkpoint
    missing = [n for n in (CONFIG, WEIGHTS, NORMALISER, OBSERVATION) if not (folder / n).exists()]
    if missing:
        raise CheckpointError(
            f"{folder}: no {', '.join(missing)}; expected a checkpoint folder with {CONFIG}, "
            f"{WEIGHTS}, {NORMALISER} and {OBSERVATION} (an unfinished training has no {CONFIG})"
        )
    try:
        config = read_yaml(folder / CONFIG)
        spec = load_yaml(ObservationSpec, folder / OBSERVATION)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    found = str(config.pop("family", ""))
    if not found or (family is not None and found != family):
        raise CheckpointError(
            f"{folder}: got a checkpoint of family {found!r}, expected {family or 'a family name'}"
        )
    _check_sizes(config, str(folder / CONFIG))
    return Checkpoint(
        found, config, load_tensors(folder / WEIGHTS), load_tensors(folder / NORMALISER), spec
    )


def _check_sizes(value: Any, where: str) -> None:
    """CheckpointError for an integer by which a network would get larger than any memory."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_sizes(item, f"{where}: {shown(key)}")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_sizes(item, where)
    elif isinstance(value, int) and abs(value) > MOST:
        raise CheckpointError(
            f"{where}: got {shown(value)}, expected {MOST} at most; take the configuration from "
            "the training that the weights are of"
        )


def _lerobot(folder: Path) -> Checkpoint:
    from visuomotor.policies.lerobot.folder import read_folder

    return read_folder(folder)


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Replaces a safetensors file in one step; of processes that train together the first does."""
    if not ranks.first():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    plain = {k: t.detach().cpu().contiguous().clone() for k, t in tensors.items()}
    save_file(plain, str(temporary))
    temporary.replace(path)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Reads a safetensors file; CheckpointError names a damaged one."""
    try:
        tensors: dict[str, Tensor] = load_file(str(path))
    except (OSError, SafetensorError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path}: not readable as safetensors: {error}") from error
    return tensors


def load_into(module: Any, tensors: Mapping[str, Tensor], where: str) -> None:
    """Loads a module's weights; CheckpointError names what is missing or of another shape."""
    expected = module.state_dict()
    problems = [f"{k} is missing" for k in expected if k not in tensors]
    problems += [f"{k} is unknown" for k in tensors if k not in expected]
    problems += [
        f"{k} is {tuple(t.shape)}, expected {tuple(expected[k].shape)}"
        for k, t in tensors.items()
        if k in expected and t.shape != expected[k].shape
    ]
    problems += [f"{k} is not finite" for k, t in tensors.items() if not _finite(t)]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{where}: the weights do not fit the configuration beside them: "
            f"{'; '.join(problems[:3])}{more}; take both from the same training"
        )
    module.load_state_dict(dict(tensors))


def normaliser_tensors(
    tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]], where: str
) -> dict[str, Tensor]:
    """A normaliser's tensors by name; CheckpointError names what is missing or of another shape."""
    for name, expected in shapes.items():
        if name not in tensors:
            raise CheckpointError(f"{where}: the normaliser lacks {name}; train it again")
        if not _finite(tensors[name]):
            raise CheckpointError(f"{where}: the normaliser's {name} is not finite; train it again")
        if tensors[name].shape != expected:
            raise CheckpointError(
                f"{where}: the normaliser's {name} is {tuple(tensors[name].shape)}, expected "
                f"{expected}; take it from the same training as the weights"
            )
    return {name: tensors[name] for name in shapes}


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


def sub_tensors(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose name starts with `prefix`, without it."""
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
