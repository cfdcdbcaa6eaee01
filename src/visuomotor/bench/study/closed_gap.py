"""How much of the way from one method to another a third one goes, on paired starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from visuomotor.bench.statistics import resampled_means
from visuomotor.bench.study.cell import CellResult
from visuomotor.bench.study.comparison import common_starts
from visuomotor.bench.study.reporting import Gap
from visuomotor.bench.study.table import Setting, setting_of


@dataclass(frozen=True)
class Closed:
    """A gap in one setting: the share that is closed, with its 95% interval.

    Of resamples in which the two ends do not differ by a hundredth, there is no share: they are
    left out.
    """

    gap: Gap
    setting: Setting
    seeds: tuple[int, ...]
    starts: int
    share: float
    low: float
    high: float


def closed(
    results: Sequence[CellResult], gaps: Sequence[Gap], clusters: Mapping[str, int]
) -> list[Closed]:
    """Every gap in every setting that has its three methods; clusters: see `Study`."""
    found: dict[Setting, dict[str, dict[int, CellResult]]] = defaultdict(lambda: defaultdict(dict))
    for result in results:
        for region in result.regions:
            found[setting_of(result, region)][result.cell.method][result.cell.seed] = result
    return [c for gap in gaps for c in _closed(found, gap, clusters)]


def _closed(
    found: Mapping[Setting, Mapping[str, Mapping[int, CellResult]]],
    gap: Gap,
    clusters: Mapping[str, int],
) -> Iterator[Closed]:
    names = (gap.method, gap.lower, gap.upper)
    for setting in sorted(found):
        methods = found[setting]
        if setting.region not in gap.regions or (gap.tasks and setting.task not in gap.tasks):
            continue
        if not all(name in methods for name in names):
            continue
        seeds = tuple(sorted(set.intersection(*(set(methods[name]) for name in names))))
        if not seeds:
            continue
        regions = [[methods[name][s].regions[setting.region] for s in seeds] for name in names]
        n = common_starts(setting, regions)
        outcomes = [np.array([r["success"][:n] for r in group], float) for group in regions]
        drawn = clusters.get(setting.region, 0)
        means = [resampled_means(o, clusters=drawn) for o in outcomes]
        middle, low, high = (float(o.mean()) for o in outcomes)
        if abs(high - low) < 0.01:
            continue
        width = means[2] - means[1]
        there = np.abs(width) >= 0.01
        shares = (means[0] - means[1])[there] / width[there]
        interval = np.percentile(shares, (2.5, 97.5))
        share = (middle - low) / (high - low)
        yield Closed(gap, setting, seeds, n, share, float(interval[0]), float(interval[1]))
