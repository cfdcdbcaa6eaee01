"""Charts are well-formed, hold every value within the frame and escape what they are given."""

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.bench.charts import (
    Scale,
    Series,
    bar_chart,
    histogram,
    interval_chart,
    line_chart,
    log_ticks,
    nice_ticks,
    number,
)

FINITE = st.floats(-1e6, 1e6).filter(lambda v: v == 0 or abs(v) > 1e-6)


def points(svg: str) -> list[list[tuple[float, float]]]:
    lines = re.findall(r'<polyline[^>]*points="([^"]*)"', svg)
    return [[tuple(map(float, p.split(","))) for p in line.split()] for line in lines]


def bars(svg: str) -> list[dict[str, str]]:
    return [r.attrib for r in ElementTree.fromstring(svg) if r.tag == "rect"]


@given(st.lists(st.tuples(FINITE, FINITE), min_size=1, max_size=30))
def test_lines_stay_inside_the_frame(pairs: list[tuple[float, float]]) -> None:
    svg = line_chart([Series("a", *zip(*pairs, strict=True))], "x", "y", width=480, height=260)
    ElementTree.fromstring(svg)
    for x, y in points(svg)[0]:
        assert 0 <= x <= 480
        assert 0 <= y <= 260


def test_a_falling_loss_falls_on_the_page() -> None:
    (line,) = points(line_chart([Series("loss", [0, 1, 2], [3.0, 2.0, 1.0])], "step", "loss"))
    assert [y for _, y in line] == sorted(y for _, y in line)  # SVG's y points down
    assert [x for x, _ in line] == sorted(x for x, _ in line)


def test_log_axis_spaces_decades_evenly_and_drops_what_has_no_logarithm() -> None:
    series = Series("loss", [0, 1, 2, 3, 4], [100.0, 10.0, 0.0, 1.0, math.nan])
    (line,) = points(line_chart([series], "step", "loss", log_y=True))
    ys = [y for _, y in line]
    assert len(ys) == 3
    assert ys[1] - ys[0] == pytest.approx(ys[2] - ys[1], abs=0.2)


def test_long_curves_are_thinned_by_means() -> None:
    n = 10_000
    svg = line_chart([Series("loss", range(n), [1.0, 3.0] * (n // 2))], "step", "loss")
    (line,) = points(svg)
    assert len(line) <= 400
    assert max(y for _, y in line) - min(y for _, y in line) < 10


def test_every_series_is_named_and_text_is_escaped() -> None:
    svg = line_chart([Series("a<b", [0, 1], [0, 1]), Series("c", [0, 1], [1, 0])], "x&y", "z")
    texts = [t.text for t in ElementTree.fromstring(svg).iter("text")]
    assert {"a<b", "c", "x&y", "z"} <= set(texts)


@given(st.lists(FINITE, min_size=1, max_size=200))
def test_histogram_counts_every_value(values: list[float]) -> None:
    root = ElementTree.fromstring(histogram(values, "ms", bins=10))
    counts = {float(r.attrib["height"]): int(r[0].text or 0) for r in root.iter("rect")}
    assert sum(int(r[0].text or 0) for r in root.iter("rect")) == len(values)
    assert sorted(counts.values()) == [counts[h] for h in sorted(counts)]


def test_outliers_do_not_squeeze_a_histogram() -> None:
    values = [50.0 + 0.01 * (i % 100) for i in range(5000)] + [100_000.0]
    assert len(bars(histogram(values, "ms", bins=20))) > 10


def test_marks_are_labelled_at_their_value() -> None:
    svg = histogram([1.0, 2.0, 3.0, 10.0], "ms", marks={"p50": 2.5, "p95": 9.0})
    assert "p50 2.5" in svg
    assert "p95 9" in svg


def test_empty_charts_say_so() -> None:
    assert "no ms" in histogram([math.nan], "ms")
    assert "no loss" in line_chart([Series("a", [], [])], "step", "loss")
    ElementTree.fromstring(bar_chart({}))
    ElementTree.fromstring(interval_chart([]))


def test_bars_are_as_long_as_their_values() -> None:
    lengths = [float(b["width"]) for b in bars(bar_chart({"a": 10.0, "b": 5.0}))]
    assert lengths[0] == pytest.approx(2 * lengths[1], rel=0.01)


def test_the_dot_lies_within_its_interval() -> None:
    root = ElementTree.fromstring(interval_chart([("graph", 0.9, 0.8, 0.95)]))
    (dot,) = root.iter("circle")
    (whisker,) = (line for line in root.iter("line") if "whisker" in line.get("class", ""))
    assert float(whisker.attrib["x1"]) < float(dot.attrib["cx"]) < float(whisker.attrib["x2"])


@given(FINITE, st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    high = low + span
    ticks = nice_ticks(low, high)
    assert 1 <= len(ticks) <= 7
    for t in ticks:
        assert low - 1e-6 * span <= t <= high + 1e-6 * span


def test_log_ticks() -> None:
    assert log_ticks(0.5, 20) == pytest.approx([0.5, 1, 2, 5, 10, 20])
    assert log_ticks(1e-4, 1e2) == pytest.approx([10.0**d for d in range(-4, 3)])


def test_scale_maps_its_ends() -> None:
    scale = Scale(1.0, 100.0, 10.0, 20.0, log=True)
    assert [scale(v) for v in (1, 10, 100)] == pytest.approx([10, 15, 20])


def test_numbers_are_short() -> None:
    assert [number(v) for v in (0, 0.05, 20.0, 1500, 2e-5)] == ["0", "0.05", "20", "1.5k", "2e-05"]
