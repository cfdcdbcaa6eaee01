"""A cell: one training run and its evaluations, and the JSON file that holds them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visuomotor.errors import DataError


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


@dataclass(frozen=True)
class CellResult:
    """What was measured.

    regions: region -> {"first_seed", "success": [0 or 1 per start], "steps", "start": [[x, y in m,
    yaw in rad] of the task's first object]}; the starts of one region are the same for every cell
    of a task. commit: of the code that trained it. figures: whatever the method adds.
    """

    cell: Cell
    train_s: float
    commit: str
    machine: dict[str, Any]
    command: str
    regions: dict[str, dict[str, Any]]
    figures: dict[str, Any]


def result_path(results: Path, cell: Cell) -> Path:
    """Where a cell's file lies."""
    return results / f"{cell.name}.json"


def save(results: Path, result: CellResult) -> None:
    """Writes a cell's file at once or not at all."""
    path = result_path(results, result.cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_suffix(".tmp")
    building.write_text(json.dumps(asdict(result), indent=1) + "\n")
    building.replace(path)


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
