"""A study's claims, tested on paired starts, clustered by start and seed, Holm-adjusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from visuomotor.bench.statistics import Difference, holm, paired_difference
from visuomotor.bench.study.cell import CellResult
from visuomotor.bench.study.regions import with_derived
from visuomotor.bench.study.reporting import Claim
from visuomotor.bench.study.table import Setting, setting_of
from visuomotor.errors import DataError

_Outcomes = Mapping[tuple[Setting, str], Mapping[int, CellResult]]
ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """A claim in one setting, on the starts and training seeds that both methods have.

    setting: of the claim's `better`; worse_demonstrations: of the other one. adjusted_p: for the
    number of comparisons made together (Holm).
    """

    claim: Claim
    setting: Setting
    worse_demonstrations: int
    seeds: tuple[int, ...]
    starts: int
    found: Difference
    adjusted_p: float

    @property
    def holds(self) -> bool:
        """Whether the data show the claim: a difference on its side, at 5% for all together."""
        return self.found.difference > -self.claim.margin and self.adjusted_p < ALPHA


def compare(
    results: Sequence[CellResult],
    claims: Sequence[Claim],
    clusters: Mapping[str, int] | None = None,
) -> list[Comparison]:
    """Every claim in every setting that has both methods; clusters: see `Study`.

    DataError for cells whose starts are not the same: they cannot be compared in pairs.
    """
    outcomes: dict[tuple[Setting, str], dict[int, CellResult]] = defaultdict(dict)
    for result in map(with_derived, results):
        for region in result.regions:
            outcomes[setting_of(result, region), result.cell.method][result.cell.seed] = result
    made = [c for claim in claims for c in _comparisons(outcomes, claim, clusters or {})]
    adjusted = holm([c.found.p_value for c in made])
    return [replace(c, adjusted_p=p) for c, p in zip(made, adjusted, strict=True)]


def _comparisons(
    outcomes: _Outcomes, claim: Claim, clusters: Mapping[str, int]
) -> Iterator[Comparison]:
    for setting, method in sorted(outcomes):
        if method != claim.better or setting.region not in claim.regions:
            continue
        if claim.tasks and setting.task not in claim.tasks:
            continue
        ours, theirs = claim.demonstrations or (setting.demonstrations, setting.demonstrations)
        other = replace(setting, demonstrations=theirs), claim.worse
        if setting.demonstrations != ours or other not in outcomes:
            continue
        a, b = outcomes[setting, method], outcomes[other]
        seeds = tuple(sorted(set(a) & set(b)))
        if seeds:
            regions = [[m[s].regions[setting.region] for s in seeds] for m in (a, b)]
            n = common_starts(setting, regions)
            x, y = (np.array([r["success"][:n] for r in group], bool) for group in regions)
            drawn = clusters.get(setting.region, 0)
            found = paired_difference(x, y, margin=claim.margin, clusters=drawn)
            yield Comparison(claim, setting, theirs, seeds, n, found, found.p_value)


SAME = 0.9
"""Share of the initial states' digests that must agree: machines may round one differently."""


def _alike(one: Mapping[str, Any], other: Mapping[str, Any], n: int) -> bool:
    """Whether the rollouts of both began in the same states, as far as their files tell.

    `initial` of older files does not count: it digested the policy's cameras, too.
    """
    digests = [r.get("initial_state", [])[:n] for r in (one, other)]
    if all(len(d) == n and all(d) for d in digests):
        return bool(sum(a == b for a, b in zip(*digests, strict=True)) >= SAME * n)
    starts = [r.get("start", [])[:n] for r in (one, other)]
    return bool(not all(starts) or starts[0] == starts[1])


def common_starts(setting: Setting, regions: Sequence[Sequence[Mapping[str, Any]]]) -> int:
    """How many starts all have, from the first one on; DataError if they are not the same."""
    everyone = [r for group in regions for r in group]
    n = min(len(r["success"]) for r in everyone)
    first = everyone[0]
    for other in everyone[1:]:
        seeds = [(r["first_seed"], r.get("starts_from")) for r in (first, other)]
        if seeds[0] != seeds[1] or not _alike(first, other, n):
            sources = {str(r["starts_from"]) for r in (first, other) if "starts_from" in r}
            named = f"first seeds {first['first_seed']} and {other['first_seed']}"
            raise DataError(
                f"{setting.task}, {setting.region}: got cells with other starts "
                f"({' and '.join(sorted(sources)) or named}), expected the same ones; "
                "delete the older cells' files and run the study again"
            )
    return n
