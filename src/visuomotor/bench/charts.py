"""Small charts as inline SVG: lines, histograms, bars and intervals; styled by the page's CSS.

The classes are `axis`, `grid`, `tick`, `label`, `mark`, `line s0` ... `line s3`, `bar`, `dot`,
so that one stylesheet serves light and dark. All text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

SERIES_COLOURS = 4
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 40


@dataclass(frozen=True)
class Series:
    """A named line; points that are not finite are left out."""

    name: str
    x: Sequence[float]
    y: Sequence[float]

    def finite(self, positive: bool = False) -> list[tuple[float, float]]:
        """(x, y) of the points that can be drawn."""
        pairs = zip(self.x, self.y, strict=True)
        return [
            (x, y)
            for x, y in pairs
            if math.isfinite(x) and math.isfinite(y) and (y > 0 or not positive)
        ]


@dataclass(frozen=True)
class Scale:
    """Maps values in [low, high] to pixels in [start, end]; `log` maps their logarithms."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        v = math.log(value) if self.log else value
        return self.start + (v - low) / (high - low) * (self.end - self.start)


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` + 1 round values (1, 2 or 5 times a power of ten) within [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within [low, high], or powers of ten where it spans many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high <= 200 * low else (1,)
    ticks = [m * 10.0**d for d in decades for m in factors]
    return [t for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]


def number(value: float) -> str:
    """A tick's text, as short as it is exact enough: 0.05, 20, 1.5k.

    >>> [number(v) for v in (0, 0.05, 20.0, 1500, 20000)]
    ['0', '0.05', '20', '1.5k', '20k']
    """
    if abs(value) >= 1000:
        return f"{value / 1000:.4g}k"
    return f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.0e}"


def line_chart(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    log_y: bool = False,
    width: int = 480,
    height: int = 260,
) -> str:
    """Lines over a common x axis, with a legend where there are several."""
    drawn = [(s.name, s.finite(log_y)) for s in series]
    points = [p for _, line in drawn for p in line]
    if not points:
        return nothing(f"no {y_label}", width, height)
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    top = TOP + (18 if len(series) > 1 else 0)
    x = Scale(min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1, LEFT, width - RIGHT)
    y = Scale(*_bounds(ys, log_y), height - BOTTOM, top, log_y)
    ticks = log_ticks(y.low, y.high) if log_y else nice_ticks(y.low, y.high, 5)
    body = [_y_axis(y, ticks, y_label, width, height), _x_axis(x, x_label, height)]
    legend = LEFT
    for i, (name, line) in enumerate(drawn):
        colour = f"s{i % SERIES_COLOURS}"
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in _thinned(line))
        body.append(f'<polyline class="line {colour}" points="{path}"/>')
        if len(line) == 1:
            body.append(f'<circle class="dot {colour}" r="3" {_at("c", x, y, line[0])}/>')
        if len(series) > 1:
            body.append(
                f'<line class="line {colour}" x1="{legend}" x2="{legend + 16}" y1="10" y2="10"/>'
                f'<text class="label" x="{legend + 21}" y="14">{escape(name)}</text>'
            )
            legend += 36 + round(6.6 * len(name))
    return _svg(body, width, height, f"{y_label} over {x_label}")


def histogram(
    values: Sequence[float],
    x_label: str,
    marks: Mapping[str, float] | None = None,
    bins: int = 40,
    width: int = 480,
    height: int = 220,
) -> str:
    """Counts of values; `marks` are named vertical lines.

    The axis reaches to the 0.1 and 99.9 percentiles; what lies beyond stands in the outer bars.
    """
    finite = sorted(v for v in values if math.isfinite(v))
    if not finite:
        return nothing(f"no {x_label}", width, height)
    shown = [m for m in (marks or {}).values() if math.isfinite(m)]
    low = min([finite[len(finite) // 1000], *shown])
    high = max([finite[-1 - len(finite) // 1000], *shown])
    pad = 0.03 * (high - low) or max(abs(high) * 0.05, 0.5)
    low, high = (max(0.0, low - pad) if low >= 0 else low - pad), high + pad
    counts = [0] * bins
    for v in finite:
        counts[min(max(int((v - low) / (high - low) * bins), 0), bins - 1)] += 1
    top = TOP + 16
    x = Scale(low, high, LEFT, width - RIGHT)
    y = Scale(0.0, float(max(counts)), height - BOTTOM, top)
    ticks = [t for t in nice_ticks(0, max(counts), 4) if t == int(t)]
    body = [_y_axis(y, ticks, "count", width, height)]
    step = (width - RIGHT - LEFT) / bins
    for i, count in enumerate(counts):
        if count:
            body.append(
                f'<rect class="bar" x="{LEFT + i * step + 0.5:.1f}" width="{step - 1:.1f}" '
                f'y="{y(count):.1f}" height="{height - BOTTOM - y(count):.1f}">'
                f"<title>{count}</title></rect>"
            )
    body.append(_x_axis(x, x_label, height))
    body.append(_marks(x, marks or {}, top, height))
    return _svg(body, width, height, f"distribution of {x_label}")


def bar_chart(
    values: Mapping[str, float],
    text: Callable[[float], str] = number,
    width: int = 720,
    row: int = 30,
) -> str:
    """Named horizontal bars with their value written behind them."""
    if not values:
        return nothing("no values", width, row)
    left = 14 + round(7.2 * max(len(n) for n in values))
    x = Scale(0.0, max(max(values.values()), 1e-12), left, width - 80)
    body = []
    for i, (name, value) in enumerate(values.items()):
        middle = i * row + row / 2
        body.append(
            f'<text class="label end" x="{left - 10}" y="{middle + 4}">{escape(name)}</text>'
            f'<rect class="bar" x="{left}" y="{middle - 7}" height="14" rx="2" '
            f'width="{max(x(value) - left, 1):.1f}"/>'
            f'<text class="label" x="{x(value) + 8:.1f}" y="{middle + 4}">{escape(text(value))}'
            "</text>"
        )
    return _svg(body, width, len(values) * row, "bars")


def interval_chart(
    rows: Sequence[tuple[str, float, float, float]], width: int = 720, row: int = 38
) -> str:
    """One line a row for (name, share, low, high), shares from 0 to 1: a dot on its interval."""
    left = 16 + round(7.2 * max((len(r[0]) for r in rows), default=0))
    x = Scale(0.0, 1.0, left, width - 30)
    bottom = len(rows) * row
    body = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        body.append(
            f'<line class="grid" x1="{x(share)}" x2="{x(share)}" y1="0" y2="{bottom}"/>'
            f'<text class="tick middle" x="{x(share)}" y="{bottom + 16}">{share * 100:g}%</text>'
        )
    for i, (name, share, low, high) in enumerate(rows):
        y = i * row + row / 2
        body.append(
            f'<text class="label end" x="{left - 12}" y="{y + 4}">{escape(name)}</text>'
            f'<line class="whisker s{i % SERIES_COLOURS}" x1="{x(low):.1f}" x2="{x(high):.1f}" '
            f'y1="{y}" y2="{y}"/>'
            f'<circle class="dot s{i % SERIES_COLOURS}" cx="{x(share):.1f}" cy="{y}" r="6"/>'
        )
    return _svg(body, width, bottom + 22, "success with its interval")


def nothing(text: str, width: int, height: int) -> str:
    """A chart that says why it is empty."""
    label = f'<text class="label middle" x="{width / 2}" y="{height / 2}">{escape(text)}</text>'
    return _svg([label], width, height, text)


def _bounds(values: Sequence[float], log: bool) -> tuple[float, float]:
    """The axis' ends: zero is shown where that costs little of the range."""
    low, high = min(values), max(values)
    if log:
        return (low / 1.1, high * 1.1)
    if 0 <= low <= 0.5 * high:
        low = 0.0
    pad = 0.05 * (high - low) or max(abs(high) * 0.05, 1e-3)
    return (low if low == 0 and high > 0 else low - pad), high + pad


def _thinned(line: list[tuple[float, float]], most: int = 400) -> list[tuple[float, float]]:
    """At most about `most` points: the means of consecutive groups."""
    size = math.ceil(len(line) / most)
    groups = (line[i : i + size] for i in range(0, len(line), size))
    return [(sum(a for a, _ in g) / len(g), sum(b for _, b in g) / len(g)) for g in groups]


def _at(prefix: str, x: Scale, y: Scale, point: tuple[float, float]) -> str:
    return f'{prefix}x="{x(point[0]):.1f}" {prefix}y="{y(point[1]):.1f}"'


def _x_axis(x: Scale, label: str, height: int) -> str:
    base = height - BOTTOM
    ticks = "".join(
        f'<text class="tick middle" x="{x(t):.1f}" y="{base + 16}">{number(t)}</text>'
        for t in nice_ticks(x.low, x.high)
    )
    return (
        f'<line class="axis" x1="{x.start}" x2="{x.end}" y1="{base}" y2="{base}"/>{ticks}'
        f'<text class="label middle" x="{(x.start + x.end) / 2}" y="{height - 6}">'
        f"{escape(label)}</text>"
    )


def _y_axis(y: Scale, ticks: Sequence[float], label: str, width: int, height: int) -> str:
    lines = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{width - RIGHT}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        f'<text class="tick end" x="{LEFT - 6}" y="{y(t) + 4:.1f}">{number(t)}</text>'
        for t in ticks
    )
    middle = (y.start + y.end) / 2
    return (
        f'{lines}<text class="label middle" transform="translate(11 {middle:.1f}) rotate(-90)">'
        f"{escape(label)}</text>"
    )


def _marks(x: Scale, marks: Mapping[str, float], top: float, height: int) -> str:
    """Named vertical lines; names that would overlap go to the other side of their line."""
    parts, free = [], -math.inf
    for name, value in sorted(marks.items(), key=lambda m: m[1]):
        if not math.isfinite(value):
            continue
        at, text = x(value), f"{name} {number(round(value, 2))}"
        wide = 6.4 * len(text)
        leftwards = at + 4 + wide > x.end or (at - 4 - wide > free and free > -math.inf)
        start = at - 4 - wide if leftwards else at + 4
        y = top - 4 if start >= free else top - 16
        free = max(free, start + wide)
        parts.append(
            f'<line class="mark" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{height - BOTTOM}"/>'
            f'<text class="tick{" end" if leftwards else ""}" '
            f'x="{at - 4 if leftwards else at + 4:.1f}" y="{y}">{escape(text)}</text>'
        )
    return "".join(parts)


def _svg(body: Sequence[str], width: float, height: float, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title, quote=True)}">'
        f"{''.join(body)}</svg>"
    )
