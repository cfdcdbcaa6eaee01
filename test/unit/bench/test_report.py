"""The report: self-contained, true to its files, and complete where a stage was not run."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from visuomotor.bench.report import write_report
from visuomotor.bench.run_files import RunFiles
from visuomotor.errors import DataError
from visuomotor.recording import Sidecar, save_sidecar
from visuomotor.recording.video import write_gif

VOID = {"meta", "img", "br", "link"}


class Balance(HTMLParser):
    """Checks that tags close in order and collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.resources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.resources += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def make_run(out: Path) -> Path:
    """A run's folder with made-up figures."""
    rng = np.random.default_rng(0)
    (out / "rollouts").mkdir(parents=True)
    (out / "stages").mkdir()
    latencies = (28 + 4 * rng.gamma(2.0, 1.5, 3000)).round(3).tolist()
    graph = {
        "rollouts": [
            {"seed": 200_000 + i, "success": i not in (7, 21), "steps": 80, "error": ""}
            for i in range(40)
        ],
        "rate_hz": 19.98,
        "missed_deadline_fraction": 0.0021,
        "latency_ms": {"p50": 38.2, "p95": 52.9},
        "intervals_ms": (50 + rng.laplace(0, 1.2, 3000)).round(3).tolist(),
        "latencies_ms": latencies,
    }
    graph["rollouts"][21]["error"] = "no answer from <policy/start> within 5 s"
    (out / "rollouts" / "graph.json").write_text(json.dumps(graph))
    for mode, n, solved in (("lockstep", 200, 197), ("blind", 100, 4)):
        rollouts = [{"seed": 300_000 + i, "success": i < solved, "steps": 90} for i in range(n)]
        (out / "rollouts" / f"{mode}.json").write_text(json.dumps({"rollouts": rollouts}))
    for folder, columns, n in (
        ("descriptors", ("loss", "distribution", "expectation"), 45),
        ("policy", ("loss", "delta", "width"), 120),
    ):
        (out / folder).mkdir()
        with (out / folder / "progress.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["step", "seconds", *columns])
            for i in range(n):
                decay = np.exp(-3 * i / n) * rng.uniform(0.9, 1.1, 3) * (3.0, 2.0, 0.4)
                table.writerow([20 * (i + 1), 0.4 * i, *(f"{v:.5g}" for v in decay)])
    seconds = (310, 260, 41, 305, 118, 74)
    stages = ("record", "train_descriptors", "train_policy", "graph", "lockstep", "blind")
    for name, s in zip(stages, seconds, strict=True):
        record = {"name": name, "seconds": s, "inputs": "0", "complete": True, "result": ""}
        (out / "stages" / f"{name}.json").write_text(json.dumps(record))
    for i in range(3):
        episode = out / "dataset" / "lift" / f"20260101T00000{i}-a"
        episode.mkdir(parents=True)
        (episode / "metadata.yaml").write_text("{}")
        rates = {"/synced/front/camera_info": 19.9 + 0.1 * i, "/command/target_pose": 20.0}
        sidecar = Sidecar(
            "lift",
            outcome="success",
            sets=70 + i,
            duration_s=3.5,
            cameras=("front", "side"),
            rates_hz=rates,
            drops={"front/color incomplete": 1} if i else {},
            skew_ms={"front/color": 0.2 * i},
        )
        save_sidecar(sidecar, episode)
    names = ("rollout_300000", "rollout_300001", "rollout_300198", "demonstration")
    for k, name in enumerate(names):
        write_gif(out / "media" / f"{name}.gif", (picture(k, i) for i in range(4)))
    return out


def picture(k: int, i: int) -> np.ndarray:
    image = np.full((120, 320, 3), 60 + 40 * k, np.uint8)
    cv2.circle(image, (40 + 50 * i, 60), 20, (40, 60, 200), -1)
    return image


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    (out / "media").mkdir()
    return make_run(out)


def test_page_is_well_formed_and_asks_nothing_of_the_network(run: Path) -> None:
    path = write_report(run)
    assert path == run / "report.html"
    text = path.read_text()
    page = Balance()
    page.feed(text)
    assert page.open == []
    assert len(page.resources) == 4
    assert all(r.startswith("data:image/gif;base64,") for r in page.resources)
    assert "http" not in re.sub(r"base64,[^\"]*", "", text)
    assert "url(" not in text


def test_headline_and_table_hold_the_figures(run: Path) -> None:
    text = write_report(run).read_text()
    assert "solved from 38 of 40 unseen starts" in text
    for expected in ("38 / 40", "[0.835, 0.986]", "197 / 200", "0.985", "4 / 100", "19.98 Hz"):
        assert expected in text
    assert "38 ms" in text
    assert "20.1" in text  # the highest rate of a topic
    assert "front/color incomplete 2" in text


def test_failed_seeds_are_named_with_their_reason_escaped(run: Path) -> None:
    text = write_report(run).read_text()
    assert "200007" in text
    assert "200021 (no answer from &lt;policy/start&gt; within 5 s)" in text
    assert "<policy/start>" not in text
    assert "<b>Seed 300198</b>, not solved" in text
    assert "<b>Seed 300001</b>, solved" in text


def test_stages_stand_in_the_order_in_which_they_run(run: Path) -> None:
    seconds = RunFiles(run).stage_seconds()
    assert list(seconds)[:3] == ["record", "train_descriptors", "train_policy"]
    assert "18.5 min in all" in write_report(run).read_text()


def test_an_empty_run_still_makes_a_page(tmp_path: Path) -> None:
    text = write_report(tmp_path / "nothing").read_text()
    assert "Do it again" in text
    assert "How it learned" not in text


def test_figures_that_are_not_numbers_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "rollouts").mkdir()
    graph = {
        "rollouts": [{"seed": 1, "success": False, "steps": 0, "error": "no step"}],
        "rate_hz": 0.0,
        "missed_deadline_fraction": 1.0,
        "latency_ms": {"p50": float("nan"), "p95": float("nan")},
        "intervals_ms": [],
        "latencies_ms": [],
    }
    (tmp_path / "rollouts" / "graph.json").write_text(json.dumps(graph))
    text = write_report(tmp_path).read_text()
    assert "0 of 1 unseen starts" in text
    assert "nan" not in re.sub(r"<style>.*</style>", "", text)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "rollouts").mkdir()
    (tmp_path / "rollouts" / "graph.json").write_text('{"rollouts": [')
    with pytest.raises(DataError, match=r"graph\.json: no JSON"):
        write_report(tmp_path)


def test_a_progress_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "progress.csv").write_text("step,loss\n20,1.5\n40,1.2\n60,")
    series = RunFiles(tmp_path).progress("policy")["loss"]
    assert series.finite() == [(20.0, 1.5), (40.0, 1.2)]
