"""Progress of a training run: events for whoever watches, and a CSV file for the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CSV = "progress.csv"


@dataclass(frozen=True)
class Progress:
    """One event: `step` of `total` is done; metrics by name; eta_s: seconds left, or None."""

    stage: str
    step: int
    total: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    eta_s: float | None = None


Report = Callable[[Progress], None]


class ProgressFile:
    """`progress.csv` of a run: a header, then one row per report; a resumed run goes on in it."""

    def __init__(self, folder: Path, columns: tuple[str, ...], from_step: int) -> None:
        self._path, self._columns = folder / CSV, columns
        rows: list[str] = []
        if from_step > 0 and self._path.exists():
            rows = [
                r
                for r in self._path.read_text().splitlines()[1:]
                if int(float(r.split(",")[0])) <= from_step
            ]
        self._path.write_text("\n".join([",".join(("step", *columns)), *rows]) + "\n")

    def add(self, step: int, metrics: Mapping[str, float]) -> None:
        """One row; a metric that is not there stays empty."""
        values = [f"{metrics[c]:.6g}" if c in metrics else "" for c in self._columns]
        with self._path.open("a") as file:
            file.write(",".join([str(step), *values]) + "\n")
