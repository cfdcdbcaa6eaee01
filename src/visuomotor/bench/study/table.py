"""A study's cells as rows: every method in every setting, its training seeds together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from visuomotor.bench.statistics import interval, wilson
from visuomotor.bench.study.cell import CellResult
from visuomotor.bench.study.pairs import named
from visuomotor.bench.study.regions import order, with_derived
from visuomotor.errors import ConfigError


@dataclass(frozen=True, order=True)
class Setting:
    """What the rollouts of a row have in common."""

    family: str
    task: str
    task_variant: str
    source: str
    demonstrations: int
    region: str


@dataclass(frozen=True)
class Row:
    """One method in one setting, all training seeds together.

    rate with its 95% interval [low, high] over all rollouts (Wilson's, or wider: `interval`);
    seed_rates: of each training seed; train_s: mean seconds of one training run; commit, machine:
    of the code and where it ran, several where the seeds had several. extra: the family's own
    fields, means over the seeds.
    """

    family: str
    method: str
    task: str
    task_variant: str
    source: str
    region: str
    demonstrations: int
    seeds: list[int]
    rollouts: int
    successes: int
    rate: float
    low: float
    high: float
    train_s: float
    commit: str
    machine: str
    seed_rates: list[float]
    extra: dict[str, float | None] = field(default_factory=dict)

    def plain(self, names: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The row as JSON has it, the family's own fields beside the others.

        names: further name -> field whose value it also has.
        """
        values = asdict(self)
        own = values.pop("extra")
        known = {**values, **own, **named(self.region)}
        return {**known, **{name: known[field] for name, field in (names or {}).items()}}


def rows(
    results: Iterable[CellResult],
    row_fields: Sequence[str] = (),
    clusters: Mapping[str, int] | None = None,
) -> list[Row]:
    """Every method in every setting, the derived regions too.

    row_fields: names of figures, of the region or the cell, to be averaged over seeds, None where
    no seed has a number.
    clusters: see `Study`. ConfigError for one that is a row's own field.
    """
    taken = [n for n in row_fields if n in Row.__dataclass_fields__]
    if taken:
        raise ConfigError(f"row_fields: got {', '.join(taken)}, which every row has; rename them")
    found: dict[tuple[Setting, str], list[CellResult]] = defaultdict(list)
    for result in map(with_derived, results):
        for region, outcomes in result.regions.items():
            if outcomes["success"]:
                found[setting_of(result, region), result.cell.method].append(result)
    made = [
        _row(*key, group, row_fields, (clusters or {}).get(key[0].region, 0))
        for key, group in sorted(found.items(), key=_key)
    ]
    return sorted(made, key=lambda r: order(r.region))


def setting_of(result: CellResult, region: str) -> Setting:
    """The setting of a cell's rollouts in a region."""
    c = result.cell
    return Setting(c.family, c.task, c.task_variant, c.source, c.demonstrations, region)


def _key(item: tuple[tuple[Setting, str], list[CellResult]]) -> tuple[Setting, str]:
    return item[0]


def _row(
    setting: Setting,
    method: str,
    group: Sequence[CellResult],
    row_fields: Sequence[str],
    clusters: int,
) -> Row:
    group = sorted(group, key=lambda r: r.cell.seed)
    outcomes = [r.regions[setting.region]["success"] for r in group]
    k, n = sum(map(sum, outcomes)), sum(map(len, outcomes))
    low, high = wilson(k, n)
    if clusters:
        common = min(map(len, outcomes))
        low, high = interval(np.array([o[:common] for o in outcomes], bool), clusters)
    return Row(
        **asdict(setting),
        method=method,
        seeds=[r.cell.seed for r in group],
        rollouts=n,
        successes=k,
        rate=round(k / n, 4),
        low=round(low, 4),
        high=round(high, 4),
        train_s=round(float(np.mean([r.train_s for r in group])), 1),
        commit=", ".join(sorted({r.commit for r in group})),
        machine=", ".join(sorted({_machine(r) for r in group})),
        seed_rates=[round(sum(o) / len(o), 4) for o in outcomes],
        extra={
            name: _mean([r.regions[setting.region].get(name, r.figures.get(name)) for r in group])
            for name in row_fields
        },
    )


def _machine(result: CellResult) -> str:
    return f"{result.machine.get('cpu', 'unknown')}, {result.machine.get('cores', '?')} cores"


def _mean(values: Sequence[Any]) -> float | None:
    """Of those that are numbers."""
    numbers = [v for v in values if isinstance(v, int | float) and math.isfinite(v)]
    return float(f"{np.mean(numbers):.6g}") if numbers else None
