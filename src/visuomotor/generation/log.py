"""What was generated so far, beside the dataset: a generation that was interrupted goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from visuomotor.errors import DataError
from visuomotor.generation.coverage import Coverage

LOG = "generation.json"


@dataclass(frozen=True)
class Generated:
    """One rollout. goal: reached, "" for none. left_out: why it is not kept, "" if it is."""

    seed: int
    start: str
    goal: str
    steps: int
    left_out: str
    episode: str = ""


class GenerationLog:
    """The rollouts of a dataset's task by seed, in a file that is replaced after each.

    policy: what generated them; DataError if the file is of another, whose rollouts would mix.
    """

    def __init__(self, dataset: Path, task: str, policy: str) -> None:
        self.path = dataset / task / LOG
        self.rows: dict[int, Generated] = {}
        self._policy = policy
        if self.path.exists():
            self._read()

    def add(self, row: Generated) -> None:
        """Also on disk."""
        self.rows[row.seed] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        building = self.path.with_suffix(f".{os.getpid()}")
        rows = [asdict(r) for r in self.rows.values()]
        building.write_text(json.dumps({"policy": self._policy, "rollouts": rows}, indent=1) + "\n")
        building.replace(self.path)

    def missing(self, seeds: Iterable[int]) -> list[int]:
        """Those that were not rolled out."""
        return [s for s in seeds if s not in self.rows]

    @property
    def seen(self) -> Coverage:
        """Of all rollouts."""
        return _coverage(self.rows.values())

    @property
    def kept(self) -> Coverage:
        """Of those that became episodes."""
        return _coverage(r for r in self.rows.values() if not r.left_out)

    def _read(self) -> None:
        try:
            values = json.loads(self.path.read_text())
            rows = [Generated(**r) for r in values["rollouts"]]
            policy = values["policy"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{self.path}: no log of a generation ({error!r}); delete it to begin anew"
            ) from error
        if policy != self._policy:
            raise DataError(
                f"{self.path}: the rollouts there are of {policy}, not of {self._policy}; choose "
                "another folder, or move that one away"
            )
        self.rows = {r.seed: r for r in rows}


def _coverage(rows: Iterable[Generated]) -> Coverage:
    found = Coverage()
    for row in rows:
        found = found.plus(row.start, row.goal)
    return found
