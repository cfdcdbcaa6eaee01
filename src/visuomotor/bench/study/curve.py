"""Learning curves: what a training run's progress.csv holds, thinned for a cell's file."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from visuomotor.training.progress import CSV

POINTS = 60
"""At most so many per metric."""

Curve = dict[str, list[float | None]]
"""`step` and every metric -> values, the means of neighbouring reports; None: not finite."""


def read_curve(folder: Path, points: int = POINTS) -> Curve:
    """The curve of the training run in a folder; {} if it left none."""
    path = folder / CSV
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        table = list(csv.reader(file))
    header, rows = table[0], [r for r in table[1:] if len(r) == len(table[0])]
    size = max(1, math.ceil(len(rows) / points))
    groups = [rows[i : i + size] for i in range(0, len(rows), size)]
    return {
        name: [_mean([g[i] for g in group]) for group in groups]
        for i, name in enumerate(header)
        if name != "seconds"  # of the last run only, where it was resumed
    }


def read_rows(folder: Path, metric: str) -> Curve:
    """Every row of the training run in a folder that has this metric, as it is; {} without any."""
    path = folder / CSV
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r.get(metric)]
    names = [n for n in rows[0] if n != "seconds"] if rows else []
    return {name: [_mean([r[name] or ""]) for r in rows] for name in names}


def read_curves(folders: dict[str, Path]) -> dict[str, Curve]:
    """Stage -> its curve, for each folder that has one."""
    found = {stage: read_curve(folder) for stage, folder in folders.items()}
    return {stage: curve for stage, curve in found.items() if curve}


def _mean(values: Sequence[str]) -> float | None:
    """Of those that are there; a run that diverged shows as None."""
    numbers = [float(v) for v in values if v]
    if not numbers or not all(map(math.isfinite, numbers)):
        return None
    return float(f"{sum(numbers) / len(numbers):.6g}")
