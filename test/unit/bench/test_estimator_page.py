"""Errors of estimated states are summed up, kept per video, and told on a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from visuomotor.bench.estimator import page, summaries
from visuomotor.bench.real2sim.known_videos import SEEN
from visuomotor.bench.real2sim.partial import judged_once


def row(seen: str, position_m: float, cpu_s: float = 10.0, **values: Any) -> dict[str, Any]:
    return {
        "action": "pick_up",
        "seed": 100,
        "seen": seen,
        "frames": 50,
        "position_m": position_m,
        "rotation_rad": 0.1,
        "extent_m": 0.2,
        "satisfied": True,
        "parsing_s": 0.0,
        "cpu_s": cpu_s,
        **values,
    }


def result(rows: list[dict[str, Any]]) -> dict[str, Any]:
    figures = {"videos_per_action": 3, **summaries(rows), "videos": rows}
    machine = {"cpu": "x", "cores": 2}
    return {
        "figures": figures,
        "machine": machine,
        "commit": "abc",
        "seeds": [100, 102],
        "command": "visuomotor bench estimator",
        "limited_by": "one camera",
    }


def test_medians_are_also_told_beside_the_extent() -> None:
    rows = [row(SEEN[0], e) for e in (0.01, 0.02, 0.06)]
    rows.append({"action": "pick_up", "seed": 1, "seen": SEEN[0], "error": "no hand"})
    found = summaries(rows)
    assert found[SEEN[0]]["median_position_m"] == 0.02
    assert found[SEEN[0]]["median_of_extent"] == pytest.approx(0.1)
    assert (found[SEEN[0]]["videos"], found[SEEN[0]]["estimated"]) == (4, 3)
    assert found[SEEN[1]] == {"videos": 0, "estimated": 0, "satisfied": 0}
    assert found["by_action"]["pick_up"]["satisfied"] == 3


def test_the_page_says_which_targets_are_met() -> None:
    rows = [row(seen, 0.02 if seen == SEEN[0] else 0.04, 30.0) for seen in SEEN]
    text = page(result(rows))
    assert "masks: 2.0 cm, met; boxes: 4.0 cm, **missed**" in text
    assert "in at most 20 s (**missed**)" in text
    assert "| masks | 1 of 1 | 2.0 cm | 10% | 6° | 1 of 1 | 30.0 | 30.0 |" in text
    fast = page(result([row(seen, 0.02) for seen in SEEN]))
    assert "in at most 20 s (met)" in fast
    assert "No video" in page(result([]))


def test_a_video_is_judged_once(tmp_path: Path) -> None:
    calls = []

    def judge() -> list[dict[str, Any]]:
        calls.append(1)
        return [row(SEEN[0], 0.01)]

    first = judged_once(tmp_path / "videos" / "a.json", judge)
    assert judged_once(tmp_path / "videos" / "a.json", judge) == first
    assert len(calls) == 1
    assert json.loads((tmp_path / "videos" / "a.json").read_text()) == first
