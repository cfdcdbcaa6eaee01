"""The list of every evaluation: starts that are looked at too often are no test any more."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from visuomotor.bench.study.cell import Cell

FILE = "evaluations.csv"
COLUMNS = ("utc", "cell", "region", "first_seed", "rollouts", "successes", "trained", "commit")


def list_evaluation(results: Path, cell: Cell, region: str, values: Mapping[str, object]) -> None:
    """Appends a line to the family's list, which nothing else changes.

    values: the other COLUMNS but the time; rollouts and successes of this evaluation alone.
    """
    path = results / cell.family / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    utc = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = {"utc": utc, "cell": cell.name, "region": region, **values}
    text = io.StringIO()
    csv.writer(text).writerow([line[c] for c in COLUMNS])
    with path.open("a") as file:  # one write: lines of several processes do not mix
        head = ",".join(COLUMNS) + "\n" if file.tell() == 0 else ""
        file.write(head + text.getvalue())


def evaluations(results: Path, family: str) -> list[dict[str, str]]:
    """Every line of a family's list, [] without one."""
    path = results / family / FILE
    if not path.exists():
        return []
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    return [line for line in lines if line["utc"] != "utc"]  # two first writers at once


def repeated(lines: Sequence[Mapping[str, str]]) -> dict[tuple[str, str], int]:
    """(cell, region) -> how many trainings of it were evaluated there, where more than one."""
    trainings = {(e["cell"], e["region"], e["trained"]) for e in lines}
    counted = Counter((cell, region) for cell, region, _ in trainings)
    return {key: n for key, n in sorted(counted.items()) if n > 1}


def withdrawn(
    lines: Sequence[Mapping[str, str]], there: Collection[tuple[str, str]]
) -> list[Mapping[str, str]]:
    """The last line of every (cell, region) that was evaluated and is not there any more."""
    last = {(e["cell"], e["region"]): e for e in lines}
    return [e for key, e in sorted(last.items()) if key not in there]
