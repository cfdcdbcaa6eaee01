"""Intervals of quantiles, shares and AUROC when whole clusters (scenes), not points, are drawn.

Points of one scene stand or fall together: an interval that takes them for independent is far too
narrow. Every interval here is the percentile bootstrap over clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval; None where there is nothing to estimate it from."""

    value: float | None
    low: float | None
    high: float | None


NOTHING = Estimate(None, None, None)


class Clusters:
    """`draws` resamples of the clusters 0 to `count` - 1, as weights (draws, count)."""

    def __init__(self, count: int, draws: int = 1000, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.weights = rng.multinomial(count, np.full(count, 1.0 / count), size=draws)

    def quantiles(
        self, values: Float, cluster: NDArray[np.int64], shares: Sequence[float]
    ) -> list[Estimate]:
        """The quantiles of values (N,), which may be infinite, at each share in (0, 1)."""
        if not len(values):
            return [NOTHING for _ in shares]
        order = np.argsort(values)
        values, cluster = values[order], cluster[order]
        found = np.empty((len(self.weights), len(shares)))
        for i, weights in enumerate(self.weights):
            found[i] = _quantiles(values, weights[cluster], shares)
        estimates = _quantiles(values, np.ones(len(values), np.int64), shares)
        return [_estimate(e, f) for e, f in zip(estimates, found.T, strict=True)]

    def share(self, holds: NDArray[np.bool_], cluster: NDArray[np.int64]) -> Estimate:
        """The share of N points of which something holds."""
        if not len(holds):
            return NOTHING
        count = self.weights.shape[1]
        total = np.bincount(cluster, minlength=count)
        true = np.bincount(cluster, weights=holds, minlength=count)
        with np.errstate(invalid="ignore"):
            found = (self.weights @ true) / (self.weights @ total)
        return _estimate(float(holds.mean()), found)

    def auroc(
        self,
        positive: tuple[Float, NDArray[np.int64]],
        negative: tuple[Float, NDArray[np.int64]],
    ) -> Estimate:
        """The probability that a positive's score exceeds a negative's; ties count half.

        positive, negative: scores and the cluster of each.
        """
        if not len(positive[0]) or not len(negative[0]):
            return NOTHING
        wins, pairs = self._wins(positive, negative)
        w = self.weights.astype(float)
        with np.errstate(invalid="ignore"):
            found = np.einsum("bi,ij,bj->b", w, wins, w) / np.einsum("bi,ij,bj->b", w, pairs, w)
        return _estimate(float(wins.sum() / pairs.sum()), found)

    def _wins(
        self,
        positive: tuple[Float, NDArray[np.int64]],
        negative: tuple[Float, NDArray[np.int64]],
    ) -> tuple[Float, Float]:
        """(count, count) each: pairs of clusters, won by the positives' one, and all."""
        count = self.weights.shape[1]
        (scores, of), (others, of_other) = positive, negative
        wins = np.zeros((count, count))
        for j in np.unique(of_other):
            ordered = np.sort(others[of_other == j])
            below = np.searchsorted(ordered, scores, "left")
            not_above = np.searchsorted(ordered, scores, "right")
            wins[:, j] = np.bincount(of, weights=(below + not_above) / 2, minlength=count)
        pairs = np.outer(
            np.bincount(of, minlength=count), np.bincount(of_other, minlength=count)
        ).astype(float)
        return wins, pairs


def _quantiles(ordered: Float, weights: NDArray[np.int64], shares: Sequence[float]) -> Float:
    """Of values in order, each there `weights` times: the first to reach each share."""
    reached = np.cumsum(weights)
    index = np.searchsorted(reached, np.multiply(shares, reached[-1]), "left")
    quantiles: Float = ordered[np.minimum(index, len(ordered) - 1)]
    return quantiles


def _estimate(value: float, resampled: Float) -> Estimate:
    kept = resampled[~np.isnan(resampled)]  # of resamples without a single point
    if not len(kept):
        return NOTHING
    low, high = np.quantile(kept, (0.025, 0.975), method="nearest")
    return Estimate(*(None if not np.isfinite(v) else float(v) for v in (value, low, high)))
