"""The study of skills: which videos teach a cell, what its file holds, what the page says."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.skills import STUDY

from visuomotor.bench.skill_benchmark import SEED
from visuomotor.bench.study.cell import Cell, CellResult, load, load_all, result_path
from visuomotor.bench.study.plan import study_of
from visuomotor.bench.study.real2sim_figures import reported
from visuomotor.bench.study.real2sim_methods import videos
from visuomotor.bench.study.real2sim_page import mean_over_actions, page
from visuomotor.bench.study.request import Block, Request, read_plan
from visuomotor.bench.study.run import fill
from visuomotor.bench.study.success_plot import points, success_plot
from visuomotor.bench.study.table import rows
from visuomotor.cli import main
from visuomotor.errors import DataError, Interrupted
from visuomotor.sim.gripper import draw_starts, write_starts
from visuomotor.video.actions import ACTIONS
from visuomotor.video.demonstration import save_demonstration
from visuomotor.video.examples import example_demonstration

ACTION = "push_left_to_right"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    folder = tmp_path / "given"
    for name, seed in {"10": 0, "9": 1, "a": 2}.items():
        path = folder / ACTION / f"{name}.npz"
        save_demonstration(path, example_demonstration(ACTION, seed))
    return folder


def request_for(given: Path, *methods: str, **values: Any) -> Request:
    block = Block((ACTION,), methods, region=("hard",), rollouts=2)
    work = given.parent
    request = Request("toys.skills", (block,), (), work / "work", work / "results", given)
    return replace(request, **values)


def test_a_cell_holds_outcomes_digests_and_checks_but_no_path(given: Path) -> None:
    request = request_for(given, "multi_video")
    said: list[str] = []
    assert fill(request, 1, said.append) == 0
    (wanted,) = request.wanted()
    path = result_path(request.results, wanted.cell)
    result = load(path)
    assert result.cell == Cell("toys.skills", "multi_video", ACTION, "plain", "videos", 3, 0)
    hard = result.regions["hard"]
    assert (len(hard["success"]), len(hard["signed"])) == (2, 2)
    assert (hard["first_seed"], hard["starts_from"]) == (SEED, f"seed {SEED}")
    assert result.figures["videos"] == videos(given / ACTION, "multi_video").key
    assert result.figures["updates"] == 2
    assert result.curves["checks"]["step"] == [1, 2]
    assert str(given.parent) not in path.read_text()
    assert result.command.endswith("--rollouts 2 --demonstrations FOLDER")
    (row,) = rows([result], STUDY.row_fields)
    plain = row.plain(STUDY.row_names)
    assert (plain["action"], plain["benchmark"], plain["seeds"]) == (ACTION, "hard", [0])
    assert plain["signed_azimuth_rate"] == pytest.approx(np.mean(hard["signed"]))
    assert fill(request, 1, said.append) == 0
    assert said[-1] == "1 of 1 cells are there"


def test_single_videos_are_counted_in_the_natural_order_of_names(given: Path) -> None:
    folder = given / ACTION
    second = videos(folder, "single_video_2")
    expected = example_demonstration(ACTION, 0)  # 10 is after 9
    np.testing.assert_array_equal(
        second.demonstrations[0].object_position, expected.object_position
    )
    assert second.of == 3
    assert second.key != videos(folder, "single_video_1").key
    with pytest.raises(DataError, match=r"got 3 demonstrations .*expected 4 or more"):
        videos(folder, "single_video_4")


def test_the_digest_is_of_the_content_and_not_of_names_or_order(given: Path) -> None:
    key = videos(given / ACTION, "max").key
    (given / ACTION / "9.npz").rename(given / ACTION / "z.npz")
    assert videos(given / ACTION, "max").key == key
    save_demonstration(given / ACTION / "z.npz", example_demonstration(ACTION, 7))
    assert videos(given / ACTION, "max").key != key


def test_other_videos_are_not_mixed_into_a_cell(given: Path) -> None:
    request = request_for(given, "single_video_2")
    assert fill(request, 1, lambda _: None) == 0
    save_demonstration(given / ACTION / "10.npz", example_demonstration(ACTION, 5))
    said: list[str] = []
    assert fill(request, 1, said.append) == 1
    assert "FAILED" in said[-1]
    assert "other videos than this cell was begun with" in said[-1]
    elsewhere = replace(request, work=given.parent / "other")
    assert fill(elsewhere, 1, said.append) == 0
    (result,) = load_all(request.results, "toys.skills")
    assert result.figures["videos"] == videos(given / ACTION, "single_video_2").key


def test_the_users_starts_are_judged_and_told_by_their_digest(given: Path) -> None:
    file = given.parent / "my.csv"
    write_starts(file, draw_starts("easy", 3, 5))
    request = request_for(given, "max", starts=(("hard", file),))
    assert fill(request, 1, lambda _: None) == 0
    (result,) = load_all(request.results, "toys.skills")
    source = result.regions["hard"]["starts_from"]
    assert source.startswith("file ")
    assert "my.csv" not in str(result)
    assert "--starts hard=FILE.csv" in result.command
    (wanted,) = request.wanted()
    assert request.missing(wanted) == []
    write_starts(file, draw_starts("easy", 3, 6))
    assert request.missing(wanted) == ["hard"]
    assert replace(request, starts=()).missing(wanted) == ["hard"]
    more = replace(request, blocks=(replace(request.blocks[0], rollouts=4),))
    said: list[str] = []
    assert fill(more, 1, said.append) == 1
    assert "got 3 starts, expected 4" in said[-1]


def test_a_stopped_training_goes_on(given: Path) -> None:
    request = request_for(given, "multi_video")
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted, match="1 of 1 cells are missing"):
        fill(request, 1, lambda _: None, stop.is_set)
    assert fill(request, 1, lambda _: None) == 0


def judged(method: str, action: str, hard: list[int], n: int = 4, seed: int = 0) -> CellResult:
    region = {
        "first_seed": SEED,
        "starts_from": f"seed {SEED}",
        "success": hard,
        "signed_azimuth_rate": 1.0,
    }
    checks: dict[str, list[float | None]] = {
        "step": [50.0, 100.0],
        "success": [0.5, 0.7],
        "success_hard": [0.0, 0.25],
        "success_easy": [0.1, None],
    }
    figures = {"videos": "abc", "videos_there": n, "updates": 100}
    cell = Cell("real2sim", method, action, "plain", "videos", n, seed)
    curves = {"checks": checks}
    return CellResult(cell, 60.0, "abc", {}, "", {"hard": region}, figures, [], curves, "2026")


def test_the_page_shows_what_is_missing_and_means_of_what_is_there() -> None:
    study = study_of("real2sim")
    results = [
        judged("multi_video", ACTION, [1, 1, 1, 0]),
        judged("multi_video", "put_onto", [1, 0, 0, 0]),
        judged("max", ACTION, [0, 0, 0, 0]),
        judged("single_video_1", ACTION, [1, 0, 0, 0], 1),
        judged("single_video_2", ACTION, [1, 1, 0, 0], 1),
        judged("no_curriculum", ACTION, [0, 1, 0, 0]),
    ]
    report = page(study, results, "command")
    lines = report.text.splitlines()
    mean = next(line for line in lines if line.startswith("| **mean**"))
    assert "**50.0** [22, 78] of 2 alone" in mean
    assert "| 72 |" in mean  # the paper's of these two, of setup A
    missing = next(line for line in lines if line.startswith("| pick_up"))
    assert missing.count("no cell yet") == 2
    assert any("1: 25.0, 2: 50.0 | 37.5 |" in line for line in lines)
    assert any(line.startswith("| `multi_video` | put_onto") and "missed" in line for line in lines)
    assert "`multi_video` above `max`" in report.text
    assert list(report.pictures) == [f"real2sim_curriculum_{ACTION}.svg"]
    assert report.pictures[f"real2sim_curriculum_{ACTION}.svg"].count("<polyline") == 6
    assert "Target for the mean" not in report.text  # seven actions are missing
    whole = [judged("multi_video", a, [1, 1, 1, 0]) for a in ACTIONS]
    assert "at least 75, met" in page(study, whole, "command").text


def test_only_what_is_in_no_table_is_said_to_be_in_none() -> None:
    there, gone = judged("multi_video", ACTION, [1, 1]), judged("max", ACTION, [0, 1])
    listed = [
        {"utc": "2026-01-01", "cell": r.cell.name, "region": "hard", "first_seed": "420000"}
        | {"rollouts": "2", "successes": "1", "trained": "", "commit": "abc"}
        for r in (there, gone)
    ]
    text = page(study_of("real2sim"), [there], "command", listed).text
    assert f"| {gone.cell.name} | hard |" in text
    assert f"| {there.cell.name} |" not in text


def test_skills_that_were_judged_from_other_starts_are_not_compared() -> None:
    other = judged("max", ACTION, [0, 1])
    other.regions["hard"] |= {"first_seed": 0, "starts_from": "file abc"}
    results = [judged("multi_video", ACTION, [1, 1]), other]
    with pytest.raises(DataError, match=r"other starts \(file abc and seed 420000\)"):
        page(study_of("real2sim"), results, "command")


def test_the_mean_over_actions_counts_each_alike() -> None:
    one, two = rows([judged("multi_video", "pick_up", [1, 1]), judged("max", "pick_up", [0, 1])])
    rate, low, high = mean_over_actions([one, two])
    assert rate == pytest.approx(0.75)
    assert 0 < low < 0.75 < high < 1


def test_success_is_drawn_where_it_was_looked_at() -> None:
    result = judged("multi_video", ACTION, [1])
    assert points(result.curves["checks"], "success_easy") == [(50.0, 0.1)]
    assert points(result.curves["checks"], "success_hard") == [(50.0, 0.0), (100.0, 0.25)]
    assert success_plot([result], "put_onto", ["multi_video"]) is None


def test_the_papers_means_are_those_it_states() -> None:
    means = {
        key: round(100 * float(np.mean([reported(*key, a).multi for a in ACTIONS])))
        for key in (("A", "hard"), ("A", "easy"), ("C", "hard"), ("C", "easy"))
    }
    assert means == {("A", "hard"): 68, ("A", "easy"): 86, ("C", "hard"): 59, ("C", "easy"): 71}
    assert reported("A", "hard", "put_onto").multi == 0.57


def test_the_plan_has_nine_skills_first_and_asks_for_what_there_is() -> None:
    plan = Path(__file__).parents[3] / "benchmarks" / "plans" / "real2sim.yaml"
    wanted = Request("real2sim", read_plan(plan)).wanted()
    assert {(w.cell.method, w.cell.task) for w in wanted[:9]} == {
        ("multi_video", action) for action in ACTIONS
    }
    assert all(dict(w.rollouts) == {"hard": 1000, "easy": 1000} for w in wanted)
    assert {w.cell.demonstrations for w in wanted} == {0, 1}  # of a folder that is not given


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ([], "--demonstrations: got none, expected one folder"),
        (["--demonstrations", "3"], "got 3, expected one folder"),
        (["--demonstrations", "nowhere"], "got nowhere, expected a folder that is there"),
        (["--demonstrations", ".", "--starts", "hard"], "got hard, expected BENCHMARK=FILE.csv"),
        (["--demonstrations", ".", "--region", "mine"], "unknown region"),
    ],
)
def test_wrong_options_are_told(
    options: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "run", "real2sim", *options]) == 2
    assert error in capsys.readouterr().err
