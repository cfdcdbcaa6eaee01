"""A study's cells as rows, as a Markdown table and as comparisons on paired starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from visuomotor.bench.statistics import Difference, holm, paired_difference, wilson
from visuomotor.bench.study.cell import CellResult


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

    rate with its 95% interval [low, high] (Wilson) over all rollouts; train_s: mean seconds of one
    training run; commit: of the code, several where the seeds were trained at several.
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


def rows(results: Iterable[CellResult]) -> list[Row]:
    """Every method in every setting."""
    found: dict[tuple[Setting, str], list[CellResult]] = defaultdict(list)
    for result in results:
        for region in result.regions:
            found[_setting(result, region), result.cell.method].append(result)
    return [_row(*key, group) for key, group in _by_key(found)]


def _by_key(
    found: Mapping[tuple[Setting, str], list[CellResult]],
) -> list[tuple[tuple[Setting, str], list[CellResult]]]:
    return sorted(found.items(), key=lambda item: item[0])


def _setting(result: CellResult, region: str) -> Setting:
    c = result.cell
    return Setting(c.family, c.task, c.task_variant, c.source, c.demonstrations, region)


def _row(setting: Setting, method: str, group: Sequence[CellResult]) -> Row:
    outcomes = [o for r in group for o in r.regions[setting.region]["success"]]
    k, n = sum(outcomes), len(outcomes)
    low, high = wilson(k, n)
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
    )


def markdown(found: Sequence[Row], methods: Sequence[str]) -> str:
    """A table per region: a line per setting, a column per method, successes in percent."""
    parts = []
    for region in sorted({r.region for r in found}, key=_region_order):
        here = [r for r in found if r.region == region]
        columns = [m for m in methods if any(r.method == m for r in here)]
        lines = [
            f"**{region}**\n",
            f"| task | demonstrations | {' | '.join(columns)} |",
            "|---|---" + "|---" * len(columns) + "|",
        ]
        settings = sorted({(r.task, r.task_variant, r.source, r.demonstrations) for r in here})
        for task, variant, source, n in settings:
            cells = {
                r.method: r
                for r in here
                if (r.task, r.task_variant, r.source, r.demonstrations)
                == (task, variant, source, n)
            }
            name = task if variant == "plain" else f"{task}, {variant}"
            texts = [_text(cells[m]) if m in cells else "" for m in columns]
            lines.append(f"| {name} | {n}, {source} | {' | '.join(texts)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _region_order(region: str) -> tuple[int, str]:
    known = ("interpolation", "extrapolation", "unseen")
    return (known.index(region) if region in known else len(known), region)


def _text(row: Row) -> str:
    seeds = f", {len(row.seeds)} seeds" if len(row.seeds) > 1 else ""
    return f"{row.rate:.1%} [{row.low:.0%}, {row.high:.0%}] of {row.rollouts}{seeds}"


@dataclass(frozen=True)
class Comparison:
    """Two methods in one setting, on the starts and training seeds that both have.

    adjusted_p: for the number of comparisons made together (Holm).
    """

    setting: Setting
    better: str
    worse: str
    found: Difference
    adjusted_p: float


def compare(results: Sequence[CellResult], pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
    """The claim that the first of each pair beats the second, in every setting that has both."""
    outcomes: dict[tuple[Setting, str], dict[int, CellResult]] = defaultdict(dict)
    for result in results:
        for region in result.regions:
            outcomes[_setting(result, region), result.cell.method][result.cell.seed] = result
    made: list[tuple[Setting, str, str, Difference]] = []
    for setting in sorted({s for s, _ in outcomes}):
        for a, b in pairs:
            seeds = sorted(set(outcomes[setting, a]) & set(outcomes[setting, b]))
            if seeds:
                x, y = (
                    [outcomes[setting, m][s].regions[setting.region] for s in seeds] for m in (a, b)
                )
                made.append((setting, a, b, paired_difference(*_paired(x, y))))
    adjusted = holm([d.p_value for *_, d in made])
    return [Comparison(*m, p) for m, p in zip(made, adjusted, strict=True)]


def _paired(
    x: Sequence[Mapping[str, object]], y: Sequence[Mapping[str, object]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Outcomes (S, N) of the starts that all have, from the first one on."""
    n = min(len(_success(r)) for r in (*x, *y))
    a, b = (np.array([_success(r)[:n] for r in group], bool) for group in (x, y))
    return a, b


def _success(region: Mapping[str, object]) -> list[int]:
    outcomes = region["success"]
    assert isinstance(outcomes, list)
    return outcomes
