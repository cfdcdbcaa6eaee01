"""The page of the peers says what was measured, and why the rest was not."""

import json
from pathlib import Path
from typing import Any

import pytest

from visuomotor.bench.peers import page
from visuomotor.bench.peers.synchronisers import approximate
from visuomotor.bench.sync import simulate
from visuomotor.bench.tables import results_table

RATIO = {"ratio": 6.04, "low": 5.5, "high": 7.0}


def rate(windows_per_s: float) -> dict[str, Any]:
    return {
        "windows_per_s": windows_per_s,
        "delivered_windows_per_s": windows_per_s,
        "memory_mb": 12.0,
        "ours_over_this": RATIO,
        "ours_over_this_delivered": RATIO,
    }


LOADERS = {
    "episodes": 2,
    "batch": 32,
    "cameras": "front",
    "versions": {"lerobot": "0.4.4", "av": None},
    "bags_mb": 3.0,
    "skipped": {"robomimic_all": "loading_robomimic: open: OSError: no such file"},
    "sides": {
        name: {"made_s": 1.0, "disk_mb": 2.0, "open_cold_s": 0.1, "cold_windows_per_s": 99.0}
        for name in ("ours", "lerobot_video")
    },
    "rates": {"8_steps_0_workers": {"ours": rate(600.0), "lerobot_video": rate(100.0)}},
}


def result(**figures: Any) -> dict[str, Any]:
    machine = {"cpu": "a processor", "cores": 2, "platform": "Linux", "python": "3.11.7"}
    return {
        "machine": machine,
        "commit": "abc",
        "utc": "today",
        "command": "visuomotor bench peers",
        "figures": {"rounds": 7, "load_average_1_min": 0.1, **figures},
    }


def test_what_was_measured_stands_with_its_spread() -> None:
    text = page(result(loaders=LOADERS))
    assert "Windows of 8 steps, 0 workers" in text
    assert "| lerobot, video | 100 | **6.0** (5.5–7.0) | 100 | **6.0** (5.5–7.0) | 12 |" in text
    assert "| ours | 600 |  | 600 |  | 12 |" in text
    assert "Left out: robomimic, all: loading_robomimic: open: OSError: no such file." in text
    assert "Versions: lerobot 0.4.4." in text
    assert "Sets of nine streams" not in text


def test_what_was_not_measured_says_why() -> None:
    text = page(result(simulators={"skipped": "no .venv-peers beside the code: `make peers`"}))
    assert "Not measured: no .venv-peers beside the code: `make peers`." in text
    assert "What they do better" in text


def test_the_readme_names_only_ratios_that_were_measured(tmp_path: Path) -> None:
    (tmp_path / "peers.json").write_text(
        json.dumps(result(loaders=LOADERS, simulators={"skipped": "no robosuite"}))
    )
    table = results_table(tmp_path)
    assert "| 6.0 and – |" in table
    assert "| not measured: the peer is not installed |" in table


def test_within_a_slop_no_set_mixes_triggers() -> None:
    library = pytest.importorskip("message_filters")
    recording = simulate(0.05, 0, seconds=3)
    for slop_ms in (10, 25):
        sets, cpu_s = approximate(library, recording, slop_ms)
        assert 0 < len(sets) <= recording.possible
        assert not any(one.mixed for one in sets)
        assert max(one.pose_off_ms for one in sets) <= slop_ms
        assert cpu_s > 0
