"""Statistics of success counts, alone and of two methods from the same starts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054


def wilson(successes: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a proportion, 95% by default.

    Unlike the normal approximation it stays within [0, 1] and keeps a width at 0 and at n
    successes (Wilson 1927). Without a trial it is (0, 1). Raises ValueError unless
    0 <= successes <= n.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"got {successes} successes of {n}, expected 0 <= successes <= n")
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    denominator = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / denominator
    half = z / denominator * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def trend(x: Sequence[float], y: Sequence[float]) -> tuple[float, float, float]:
    """Slope of y over x by linear regression, with its 95% interval (Student's t).

    The t quantile is Abramowitz and Stegun's 26.7.5, within 1% from 4 points on. Points that follow
    one another closely are not independent: give means of stretches. Raises ValueError for fewer
    than four points.
    """
    if len(x) < 4 or len(x) != len(y):
        raise ValueError(f"got {len(x)} and {len(y)} values, expected as many, and at least four")
    at, of = np.asarray(x, float), np.asarray(y, float)
    centred = at - at.mean()
    spread = float(centred @ centred)
    slope = float(centred @ of) / spread
    n = len(at) - 2
    residual = of - of.mean() - slope * centred
    error = math.sqrt(float(residual @ residual) / n / spread)
    z = Z_95
    t = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
    t += (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    return slope, slope - t * error, slope + t * error


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value that two methods solve paired starts equally often.

    only_a, only_b: how many starts one solved and the other did not (McNemar 1947, exact binomial
    form). Without such a start it is 1.
    """
    n = only_a + only_b
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, i) for i in range(min(only_a, only_b) + 1)) / 2.0**n
    return min(1.0, 2.0 * tail)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for their number, in the order given (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, i in enumerate(order):
        worst = max(worst, (len(p_values) - rank) * p_values[i])
        adjusted[i] = min(1.0, worst)
    return adjusted


@dataclass(frozen=True)
class Difference:
    """A success rate less another on the same starts: estimate, 95% interval, p-value.

    by_seed: McNemar's p-value within each training seed.
    """

    difference: float
    low: float
    high: float
    p_value: float
    by_seed: tuple[float, ...] = ()


def paired_difference(
    a: NDArray[np.bool_],
    b: NDArray[np.bool_],
    draws: int = 10_000,
    seed: int = 0,
    margin: float = 0.0,
    clusters: int = 0,
) -> Difference:
    """Of outcomes (S, N) of S training seeds from the same N starts, by bootstrap.

    Starts and training seeds are drawn anew, each as a whole, for rollouts of one start or of one
    checkpoint are not independent. With clusters, start i belongs to cluster i % clusters, and
    whole clusters are drawn. The p-value is that of a difference of zero, two-sided, by inverting
    the interval; of one seed without clusters it is McNemar's. With a margin it is that of a
    difference of -margin or less, one-sided (non-inferiority), and never below (1 - margin)^N, the
    probability that N starts, or clusters, do not show such a loss. Raises ValueError for unequal
    shapes.
    """
    if a.shape != b.shape or a.ndim != 2 or a.size == 0:
        raise ValueError(
            f"got outcomes of shapes {a.shape} and {b.shape}, expected twice the same (S, N)"
        )
    delta = a.astype(float) - b.astype(float)  # (S, N)
    s, n = len(delta), clusters or delta.shape[1]
    means = resampled_means(delta, draws, seed, clusters)
    low, high = np.percentile(means, (2.5, 97.5))
    by_seed = tuple(mcnemar(int((d > 0).sum()), int((d < 0).sum())) for d in delta)
    if margin > 0:
        p = max((1.0 + float((means <= -margin).sum())) / (1.0 + draws), (1.0 - margin) ** n)
    elif s == 1 and not clusters:
        p = by_seed[0]
    else:
        beyond = min(float((means <= 0).mean()), float((means >= 0).mean()))
        p = min(1.0, max(2.0 * beyond, 1.0 / draws))
    return Difference(float(delta.mean()), float(low), float(high), p, by_seed)


def resampled_means(
    values: NDArray[np.float64], draws: int = 10_000, seed: int = 0, clusters: int = 0
) -> NDArray[np.float64]:
    """Means (draws,) of values (S, N), whose rows and columns are drawn anew, each as a whole.

    With clusters, column i belongs to cluster i % clusters, and whole clusters are drawn. The same
    seed draws the same rows and columns of every array of that shape.
    """
    s, n = values.shape
    count = min(clusters, n) or n
    rng = np.random.default_rng(seed)
    rows = rng.multinomial(s, np.full(s, 1.0 / s), size=draws) / s  # (draws, S) weights
    drawn = rng.multinomial(count, np.full(count, 1.0 / count), size=draws)
    columns = drawn[:, np.arange(n) % count].astype(float)
    columns /= columns.sum(1, keepdims=True)
    means: NDArray[np.float64] = ((rows @ values) * columns).sum(1)
    return means


def interval(outcomes: NDArray[np.bool_], clusters: int = 0) -> tuple[float, float]:
    """95% interval of the share of outcomes (S, N) that hold: Wilson's.

    With clusters the wider of that and of a bootstrap over training seeds and whole clusters, for
    rollouts of one cluster are not independent.
    """
    low, high = wilson(int(outcomes.sum()), outcomes.size)
    if clusters:
        means = resampled_means(outcomes.astype(float), clusters=clusters)
        low, high = min(low, np.percentile(means, 2.5)), max(high, np.percentile(means, 97.5))
    return float(low), float(high)
