"""Samples of every node's process, and what they say of leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from visuomotor.bench.control.processes import Usage, node_processes, usage
from visuomotor.bench.statistics import trend
from visuomotor.errors import VisuomotorError

SAMPLE_S = 10.0
WARM_UP_SHARE, WARM_UP_S = 1 / 3, 600.0
"""Of the run, but at most so long: caches fill, allocators find their size."""
BLOCKS = 50
"""Means of stretches go into the regression, up to so many: samples in a row are alike."""

FIELDS = ("pss_mb", "rss_mb", "descriptors", "threads")


@dataclass(frozen=True)
class Growth:
    """Of one quantity of one node after the warm-up: its mean, and its slope per hour.

    low, high: the slope's 95% interval.
    """

    mean: float
    per_hour: float
    low: float
    high: float

    @property
    def percent_per_hour(self) -> float:
        """The slope as a share of the mean."""
        return 100.0 * self.per_hour / self.mean if self.mean else 0.0


class Samples:
    """Takes a sample of all nodes of a launch; VisuomotorError if one was started anew."""

    def __init__(self, launch: int, nodes: Sequence[str]) -> None:
        self._pids = node_processes(launch, tuple(nodes))
        self.times_s: list[float] = []
        self.usages: dict[str, list[Usage]] = {node: [] for node in nodes}

    def take(self, elapsed_s: float) -> None:
        """Now."""
        found = {}
        for node, pid in self._pids.items():
            try:
                found[node] = usage(pid)
            except VisuomotorError as error:
                raise VisuomotorError(f"{node} ended after {elapsed_s:.0f} s: {error}") from error
        self.times_s.append(elapsed_s)
        for node, one in found.items():
            self.usages[node].append(one)

    def figures(self) -> dict[str, dict[str, list[float]]]:
        """Node -> quantity -> the values over `times_s`."""
        return {
            node: {f: [round(float(getattr(u, f)), 2) for u in usages] for f in FIELDS}
            for node, usages in self.usages.items()
        }


def growth(times_s: Sequence[float], values: Sequence[float]) -> Growth:
    """Of values over times; ValueError where the run was too short to tell."""
    warm_s = min(WARM_UP_S, WARM_UP_SHARE * times_s[-1])
    kept = [(t, v) for t, v in zip(times_s, values, strict=True) if t >= warm_s]
    size = max(1, len(kept) // BLOCKS)
    blocks = [kept[i : i + size] for i in range(0, len(kept) - size + 1, size)]
    x = [sum(t for t, _ in b) / len(b) / 3600.0 for b in blocks]
    y = [sum(v for _, v in b) / len(b) for b in blocks]
    slope, low, high = trend(x, y)
    return Growth(sum(y) / len(y), slope, low, high)


def growths(
    times_s: Sequence[float], figures: Mapping[str, Mapping[str, Sequence[float]]]
) -> dict[str, dict[str, Growth]]:
    """Node -> quantity -> its growth."""
    return {
        node: {name: growth(times_s, values) for name, values in quantities.items()}
        for node, quantities in figures.items()
    }
