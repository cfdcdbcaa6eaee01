"""Growth that is known, gaps that are known, and what this very process holds."""

from __future__ import annotations

import json
import mmap
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.bench.control.processes import usage
from visuomotor.bench.faults.episodes import missed
from visuomotor.bench.soak import page, pictures
from visuomotor.bench.soak.episodes import gaps, refused_by_reason
from visuomotor.bench.soak.watch import growth
from visuomotor.bench.statistics import trend
from visuomotor.contracts import STEP_NS
from visuomotor.errors import VisuomotorError

TIMES_S = [10.0 * i for i in range(1, 361)]


@settings(max_examples=20)
@given(st.floats(-50, 50), st.floats(50, 500), st.integers(0, 2**32 - 1))
def test_a_leak_is_found_whatever_the_warm_up_did(per_hour, start, seed) -> None:
    noise = np.random.default_rng(seed).normal(0.0, 0.2, len(TIMES_S))
    values = [start + per_hour * t / 3600 + n for t, n in zip(TIMES_S, noise, strict=True)]
    warm = [v - 80.0 * np.exp(-t / 60.0) for t, v in zip(TIMES_S, values, strict=True)]
    found = growth(TIMES_S, warm)
    assert found.per_hour == pytest.approx(per_hour, abs=0.3)
    assert found.low < found.per_hour < found.high
    assert found.high - found.low < 1.0
    assert found.mean == pytest.approx(start + per_hour * 0.58, abs=2.5)


def test_the_interval_holds_the_slope_as_often_as_it_says() -> None:
    rng, x = np.random.default_rng(3), np.arange(8.0)
    inside = 0
    for _ in range(2000):
        _, low, high = trend(x, 0.7 * x + rng.normal(size=8))
        inside += low <= 0.7 <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_too_few_values_have_no_trend() -> None:
    with pytest.raises(ValueError, match="at least four"):
        trend([1, 2, 3], [1, 2, 3])


def test_gaps_and_missed_sets() -> None:
    heard = [i * STEP_NS for i in range(20)]
    kept = [s + 300 for s in heard if s not in (heard[5], heard[12])][2:-2]
    assert gaps(heard) == 0
    assert gaps(kept) == 2
    assert missed(kept, heard) == 2, "neither before its first nor after its last"
    counts = {"front/color: late": 5, "pose: rate": 1}
    assert refused_by_reason(counts, {**counts, "front/color: late": 9}) == {"front/color: late": 4}


def test_what_a_process_holds() -> None:
    before = usage(os.getpid())
    ballast = mmap.mmap(-1, 32_000_000)  # not of what the allocator still has
    np.frombuffer(ballast, np.uint8)[:] = 1
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    with open(os.devnull):
        now = usage(os.getpid())
    stop.set()
    thread.join()
    assert now.pss_mb - before.pss_mb == pytest.approx(32, rel=0.2)
    assert now.pss_mb <= now.rss_mb
    assert now.descriptors == before.descriptors + 1
    assert now.threads == before.threads + 1
    with pytest.raises(VisuomotorError, match="cannot be looked at"):
        usage(2**22 + 1)


def test_the_page_of_the_soak_is_that_of_the_result_file() -> None:
    folder = Path(__file__).parents[3]
    file = folder / "benchmarks" / "results" / "soak.json"
    if not file.exists():
        pytest.skip("not measured yet: `visuomotor bench soak`")
    result, docs = json.loads(file.read_text()), folder / "docs" / "results"
    assert (docs / "soak.md").read_text() == page(result)
    assert all((docs / n).read_text() == svg for n, svg in pictures(result).items())
