"""How much later one signal tells of a motion than another: the peak of their correlation."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.errors import CalibrationError

STEP_S = 0.005
BLOCKS = 6
NEAR_S = 0.08
LEAST_SHARE = 0.03
"""A direction with less of the motion's variance than this is no motion of its own."""
CURVE_DEGREE = 8
MIN_SAMPLES = 60
MIN_CORRELATION = 0.6


@dataclass(frozen=True)
class Signal:
    """Values (N, D) at times (N,) in s, ascending."""

    times_s: Float64
    values: Float64

    def at(self, times_s: Float64) -> Float64:
        """Values (M, D) by cubic interpolation (Catmull and Rom); the ends are held."""
        t, v = self.times_s, self.values
        i = np.clip(np.searchsorted(t, times_s, side="right") - 1, 0, len(t) - 2)
        span = t[i + 1] - t[i]
        u = np.clip((times_s - t[i]) / span, 0.0, 1.0)[:, None]
        slopes = np.gradient(v, t, axis=0)
        m0, m1 = slopes[i] * span[:, None], slopes[i + 1] * span[:, None]
        cubic: Float64 = (
            (2 * u**3 - 3 * u**2 + 1) * v[i]
            + (u**3 - 2 * u**2 + u) * m0
            + (3 * u**2 - 2 * u**3) * v[i + 1]
            + (u**3 - u**2) * m1
        )
        return cubic


@dataclass(frozen=True)
class Delay:
    """seconds: how much later. deviation_s: its standard deviation over parts of the record.

    correlation: of the two signals then, 0 to 1. samples: how many were compared.
    """

    seconds: float
    deviation_s: float
    correlation: float
    samples: int

    def __str__(self) -> str:
        return (
            f"{1e3 * self.seconds:.1f} ± {1e3 * self.deviation_s:.1f} ms, correlation "
            f"{self.correlation:.2f}, {self.samples} samples"
        )


def delay_of(late: Signal, early: Signal, what: str, longest_s: float = 0.4) -> Delay:
    """By how much `late` is behind `early`: late(t) = f(early(t - delay)) for an unknown smooth f.

    Both may have any number of dimensions. At every shift, the share of late's variance that a
    polynomial of early explains is the squared correlation; a parabola through its peak gives
    fractions of a sample. Negative delays are searched too. Raises CalibrationError naming `what`
    where there is too little in common, or the peak lies beyond longest_s.
    """
    inside = (late.times_s > early.times_s[0] + longest_s) & (
        late.times_s < early.times_s[-1] - longest_s
    )
    count = int(inside.sum())
    if count < MIN_SAMPLES:
        raise CalibrationError(
            f"{what}: got {count} samples while the arm's motion was recorded, expected at least "
            f"{MIN_SAMPLES}; record some 10 s of motion with both streams running"
        )
    times, values = late.times_s[inside], late.values[inside]
    causes = _main_motions(early)
    shifts = np.arange(-longest_s, longest_s + STEP_S / 2, STEP_S)
    heights = _explained(values, causes, times, shifts)
    seconds, squared = _peak(shifts, heights)
    correlation = float(np.sqrt(max(squared, 0.0)))
    if not correlation >= MIN_CORRELATION:
        raise CalibrationError(
            f"{what}: its correlation with the arm's motion is {correlation:.2f} at best, expected "
            f"{MIN_CORRELATION:g} or more; move the arm more, where it is well seen"
        )
    if abs(seconds) > longest_s - 2 * STEP_S:
        raise CalibrationError(
            f"{what}: the best match lies at {1e3 * seconds:.0f} ms, the end of what was searched; "
            "compare the clocks of the two machines (chrony)"
        )
    near = shifts[np.abs(shifts - seconds) < NEAR_S]
    return Delay(seconds, _deviation(near, values, causes, times), correlation, count)


def _main_motions(signal: Signal) -> Signal:
    """The signal's up to three directions of most motion, each with unit variance."""
    centred = signal.values - signal.values.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    strong = variances > LEAST_SHARE * variances[-1]
    scores = (centred @ axes[:, strong] / np.sqrt(variances[strong]))[:, -3:]
    return Signal(signal.times_s, scores)


def _explained(values: Float64, causes: Signal, times: Float64, shifts: Float64) -> Float64:
    """The share (S,) of the variance of values (N, D) that the causes explain at each shift."""
    centred = values - values.mean(axis=0)
    total = max(float(np.sum(centred**2)), 1e-300)
    shares = np.empty(len(shifts))
    for i, shift in enumerate(shifts):
        basis = np.linalg.qr(_polynomials(causes.at(times - shift)))[0]
        shares[i] = np.sum((basis.T @ centred) ** 2) / total
    return shares


def _polynomials(x: Float64) -> Float64:
    """What a smooth function of x (N, D) can be made of: columns (N, F).

    A motion along one line goes back and forth through the same places: with a function that
    bends as it likes, only the true delay lets both ways agree. In more dimensions that freedom
    would mimic a delay, so there it is a quadratic.
    """
    if x.shape[1] == 1:
        scaled = np.clip(x[:, 0] / np.abs(x[:, 0]).max(), -1.0, 1.0)
        curve: Float64 = np.polynomial.chebyshev.chebvander(scaled, CURVE_DEGREE)
        return curve
    columns = [np.ones(len(x))]
    for degree in (1, 2):
        for chosen in combinations_with_replacement(range(x.shape[1]), degree):
            columns.append(np.prod(x[:, chosen], axis=1))
    return np.column_stack(columns)


def _peak(shifts: Float64, heights: Float64) -> tuple[float, float]:
    """Place and height of the highest point, by the parabola through it and its neighbours."""
    i = int(np.clip(np.argmax(heights), 1, len(heights) - 2))
    a, b, c = heights[i - 1 : i + 2].tolist()
    bend = a - 2 * b + c
    offset = 0.5 * (a - c) / bend if bend < 0 else 0.0
    offset = min(max(offset, -1.0), 1.0)
    return float(shifts[i] + offset * STEP_S), float(b - 0.25 * (a - c) * offset)


def _deviation(shifts: Float64, values: Float64, causes: Signal, times: Float64) -> float:
    """By leaving out a part of the record at a time (the jackknife)."""
    found = []
    for left_out in np.array_split(np.arange(len(values)), BLOCKS):
        kept = np.delete(np.arange(len(values)), left_out)
        found.append(_peak(shifts, _explained(values[kept], causes, times[kept], shifts))[0])
    return float(np.sqrt((BLOCKS - 1) * np.var(found)))
