"""A cell: one training run and its evaluations, and the JSON file that holds them."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from visuomotor.bench.study.curve import Curve
from visuomotor.errors import DataError

_NUMBERS = re.compile(r"\[\n(?:[-+\d.eE,\s]|null)*\]")
"""A list of numbers over several lines, which a file holds in one."""


@dataclass(frozen=True, order=True)
class Cell:
    """What one policy was trained on, and how.

    task_variant: of the objects and surroundings, `plain` or another of the task's. source: who
    demonstrated. demonstrations: how many; smaller sets are the first of the larger ones.
    """

    family: str
    method: str
    task: str
    task_variant: str
    source: str
    demonstrations: int
    seed: int

    @property
    def name(self) -> str:
        """Its place below a folder, without a suffix."""
        return (
            f"{self.family}/{self.task}-{self.task_variant}-{self.source}/"
            f"{self.method}-{self.demonstrations}-seed{self.seed}"
        )

    def command(self, regions: Mapping[str, int]) -> str:
        """What fills this cell alone, from nothing; regions: region -> rollouts."""
        options = {
            "task": [self.task],
            "method": [self.method],
            "task-variant": [self.task_variant],
            "source": [self.source],
            "demonstrations": [str(self.demonstrations)],
            "seed": [str(self.seed)],
            "region": list(regions),
            "rollouts": [str(max(regions.values()))],
        }
        words = [w for name, values in options.items() for w in (f"--{name}", *values)]
        return shlex.join(["visuomotor", "study", "run", self.family, *words])


@dataclass(frozen=True)
class CellResult:
    """What was measured.

    regions: region -> {"first_seed", "success": [0 or 1 per start], "steps", "refused", "start":
    [[x, y in m, yaw in rad] of the task's first object], "error": [[m, rad] from a goal state at
    the end, or null], in tasks with goals "reached": [name or ""], "commit" of the code that rolled
    out}; the starts of one region are the
    same for every cell of a task. commit: of the code that trained it. command: what fills it
    again. figures: whatever the method adds. training_starts: as "start", of the demonstrations.
    curves: stage of the training -> {"step": [...], metric: [...]}. trained: when (UTC), which
    tells trainings apart. The last three are empty in files of older versions.
    """

    cell: Cell
    train_s: float
    commit: str
    machine: dict[str, Any]
    command: str
    regions: dict[str, dict[str, Any]]
    figures: dict[str, Any]
    training_starts: list[list[float]] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)
    trained: str = ""


def result_path(results: Path, cell: Cell) -> Path:
    """Where a cell's file lies."""
    return results / f"{cell.name}.json"


def save(results: Path, result: CellResult) -> None:
    """Writes a cell's file at once or not at all; what is not finite becomes null."""
    path = result_path(results, result.cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_suffix(f".{os.getpid()}")
    text = json.dumps(_finite(asdict(result)), indent=1, allow_nan=False)
    building.write_text(_NUMBERS.sub(lambda m: " ".join(m.group().split()), text) + "\n")
    building.replace(path)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load(path: Path) -> CellResult:
    """Reads a cell's file; DataError says what is wrong with one that is none."""
    try:
        values = json.loads(path.read_text())
        return CellResult(**{**values, "cell": Cell(**values["cell"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not a cell of a study ({error!r}); delete it and run the study again"
        ) from error


def load_all(results: Path, family: str) -> list[CellResult]:
    """Every cell of a family, in order."""
    found = [load(p) for p in sorted((results / family).glob("*/*.json"))]
    return sorted(found, key=lambda r: r.cell)
