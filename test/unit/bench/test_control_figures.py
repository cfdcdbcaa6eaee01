"""Lag, smoothness, speeds and rest of motions that are known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.bench.control.log import Track, peak_speed, rest_after
from visuomotor.bench.control.page import page
from visuomotor.bench.control.sinusoid import AMPLITUDE_M, IDEAL_ACCELERATION, OMEGA, following

TIMES = np.arange(0.0, 20.0, 0.01)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.0, 0.4), st.floats(0.5, 1.2), st.floats(-0.1, 0.1))
def test_a_delayed_sinusoid_is_told_by_its_lag_and_gain(lag_s, gain, offset_m) -> None:
    along = offset_m + gain * AMPLITUDE_M * np.sin(OMEGA * (TIMES - 3.0 - lag_s))
    found = following(TIMES, along, 3.0)
    assert found["lag_ms"] == pytest.approx(1e3 * lag_s, abs=0.1)
    assert found["gain"] == pytest.approx(gain, abs=1e-3)
    assert found["offset_mm"] == pytest.approx(1e3 * offset_m, abs=0.1)
    assert found["acceleration_rms"] == pytest.approx(gain * IDEAL_ACCELERATION, rel=0.02)


def test_an_exact_follower_has_no_error() -> None:
    found = following(TIMES, AMPLITUDE_M * np.sin(OMEGA * TIMES), 0.0)
    assert found["rms_mm"] < 1e-6


def track(speed: float, stops_s: float) -> Track:
    made = Track()
    for t in TIMES[:500]:
        made.add(float(t), np.array([speed * min(t, stops_s), 0.0, 0.0]))
    made.add(1.0, np.full(3, 9.0))  # older than the last: left out
    return made


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.5), st.floats(1.2, 3.0))
def test_speed_and_rest_of_an_arm_that_stops(speed, stops_s) -> None:
    made = track(speed, stops_s)
    assert peak_speed(made, 0.5, 4.9) == pytest.approx(speed, rel=1e-6)
    assert rest_after(made, 1.0, 4.9) == pytest.approx(stops_s - 1.0, abs=0.15)
    assert math.isinf(rest_after(track(speed, 5.0), 1.0, 4.9))
    assert rest_after(made, stops_s + 0.1, 4.9) == 0.0
    assert peak_speed(Track(), 0.0, 1.0) == 0.0


@pytest.mark.parametrize(("start_s", "end_s"), [(6.0, 7.0), (4.0, 5.5)])
def test_an_arm_that_is_not_heard_of_is_not_at_rest(start_s, end_s) -> None:
    assert math.isinf(rest_after(track(0.1, 1.2), start_s, end_s))  # heard until 5 s


def test_the_page_is_that_of_the_result_file() -> None:
    folder = Path(__file__).parents[3]
    result = json.loads((folder / "benchmarks" / "results" / "control.json").read_text())
    assert (folder / "docs" / "results" / "control.md").read_text() == page(result)
