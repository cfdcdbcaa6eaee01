"""What a checkpoint was trained from, beside it, so that another's is not taken for one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from visuomotor.config import read_yaml, save_yaml, to_mapping

FILE = "training.yaml"
FREE = ("episodes", "seed", "held_out")
"""What may differ: the same thing, trained with more or less."""


def save_origin(folder: Path, dataset: Path, config: Any) -> None:
    """Writes FILE: the dataset's name and the training's whole configuration, a dataclass."""
    save_yaml(_origin(dataset, config), folder / FILE)


def differences(folder: Path, dataset: Path, config: Any, whole: bool = True) -> list[str]:
    """In words, in what the training of `folder` was another one than this; [] where not known.

    whole: the whole configuration counts, else the dataset and the task alone.
    """
    if not (folder / FILE).exists():
        return []
    before = dict(_flat(read_yaml(folder / FILE)))
    now = dict(_flat(_origin(dataset, config)))
    names = [n for n in {**before, **now} if n not in FREE] if whole else ["dataset", "task"]
    return [
        f"{name} {before.get(name)} (now {now.get(name)})"
        for name in names
        if before.get(name) != now.get(name)
    ]


def _origin(dataset: Path, config: Any) -> dict[str, Any]:
    return {"dataset": dataset.resolve().name, **to_mapping(config)}


def _flat(values: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every single value under the names that lead to it, with dots between."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(values, list) and any(isinstance(v, (Mapping, list)) for v in values):
        for i, value in enumerate(values):
            yield from _flat(value, f"{name}.{i}")
    else:
        yield name, values
