"""Rows, claims, pictures and the report: what is made of cells."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.study import STUDY

from visuomotor.bench.study.beside_paper import agreement
from visuomotor.bench.study.cell import Cell, CellResult, save
from visuomotor.bench.study.closed_gap import closed
from visuomotor.bench.study.comparison import compare
from visuomotor.bench.study.curve import read_curve
from visuomotor.bench.study.curve_plot import curve_plot
from visuomotor.bench.study.hull import outside_hull
from visuomotor.bench.study.plan import FIRST_SEEDS
from visuomotor.bench.study.report import make_report
from visuomotor.bench.study.reporting import Claim, CurvePlot, Gap, PaperFigure, StartMap, Target
from visuomotor.bench.study.start_map import SUCCESS, failure_colour, start_map
from visuomotor.bench.study.table import rows
from visuomotor.cli import main
from visuomotor.errors import ConfigError, DataError
from visuomotor.training.progress import ProgressFile

SVG = "{http://www.w3.org/2000/svg}"
FAMILY = "toys.study"
TRAINING = [[x, y, yaw] for x in (0.6, 0.7) for y in (-0.1, 0.1) for yaw in (-0.3, 0.3)]
NARROW = [[0.65, y, yaw] for y in (-0.1, 0.1) for yaw in (-0.3, 0.3)]


def cell(method: str = "good", seed: int = 0, task: str = "reach_t", n: int = 30) -> Cell:
    return Cell(FAMILY, method, task, "plain", "expert", n, seed)


def result(of: Cell, success: list[int], region: str = "interpolation") -> CellResult:
    """A cell of an older format: no starts, errors, curves."""
    outcomes: dict[str, Any] = {"first_seed": FIRST_SEEDS["interpolation"], "success": success}
    return CellResult(of, 60.0 + of.seed, "abc", {"cpu": "x"}, "command", {region: outcomes}, {})


def whole(of: Cell, success: list[int], training: list[list[float]] = TRAINING) -> CellResult:
    """A cell of today's format; every other start lies outside of TRAINING."""
    n = len(success)
    rng = np.random.default_rng(n)
    start = [[0.65, 0.25 if i % 2 else 0.05, float(rng.uniform(-0.2, 0.2))] for i in range(n)]
    outcomes = {
        "first_seed": FIRST_SEEDS["interpolation"],
        "success": success,
        "steps": [50] * n,
        "refused": [0] * n,
        "start": start,
        "error": [[0.002, 0.0] if s else [0.08, 0.0] for s in success],
        "commit": "abc",
    }
    steps: list[float | None] = [20.0, 40.0, 60.0]
    loss: list[float | None] = [1.0, 0.1 * (1 + of.seed), 0.01]
    return CellResult(
        of,
        60.0,
        "abc",
        {},
        "command",
        {"interpolation": outcomes},
        {"validation": 0.1 + of.seed},
        training,
        {"policy": {"step": steps, "loss": loss}},
        "2026-01-01",
    )


def test_rows_pool_the_seeds_of_a_method_and_nothing_else() -> None:
    found = rows(
        [
            result(cell(seed=0), [1, 1, 0, 1]),
            result(cell(seed=1), [1, 1, 1, 1]),
            result(cell(seed=0, n=200), [0, 0]),
            result(cell("aside"), [0, 0, 0, 1]),
            result(cell(seed=2), [0, 0, 0, 0], "extrapolation"),
        ]
    )
    assert len(found) == 4
    (pooled,) = [
        r for r in found if (r.method, r.demonstrations) == ("good", 30) and len(r.seeds) > 1
    ]
    assert (pooled.rollouts, pooled.successes, pooled.rate) == (8, 7, 0.875)
    assert (pooled.seeds, pooled.seed_rates) == ([0, 1], [0.75, 1.0])
    assert pooled.low < 0.875 < pooled.high
    assert pooled.train_s == 60.5
    assert found[-1].region == "extrapolation"


def test_a_familys_own_fields_are_means_over_seeds() -> None:
    cells = [
        replace(result(cell(seed=s), [1]), figures={"loss": value, "other": 1.0})
        for s, value in enumerate((0.5, 1.5, None, "none"))
    ]
    (row,) = rows(cells, ("loss", "absent"))
    plain = row.plain()
    assert plain["loss"] == 1.0
    assert plain["absent"] is None
    assert "other" not in plain
    json.dumps(plain, allow_nan=False)
    with pytest.raises(ConfigError, match="got rate, which every row has; rename"):
        rows(cells, ("rate",))


def test_starts_outside_the_hull_are_a_region_of_their_own() -> None:
    made = whole(cell(), [1, 0, 1, 0, 1, 1])
    found = {r.region: r for r in rows([made])}
    outside = found["interpolation_outside_hull"]
    assert found["interpolation"].rollouts == 6
    starts = made.regions["interpolation"]["start"]
    assert outside.rollouts == int(outside_hull(TRAINING, starts).sum()) == 3
    assert outside.successes == 1
    old = replace(made, training_starts=[])  # of an older format
    assert [r.region for r in rows([old])] == ["interpolation"]


def test_comparisons_use_the_starts_and_seeds_that_both_have() -> None:
    ours = [result(cell(seed=s), [1] * 40) for s in (0, 1, 2)]
    theirs = [result(cell("aside", seed=s), [0, 1] * 15) for s in (0, 1)]
    claims = [Claim("good", "aside"), Claim("good", "crashes")]
    (found,) = compare([*ours, *theirs], claims)
    assert (found.seeds, found.starts) == ((0, 1), 30)
    assert found.found.difference == 0.5
    assert found.found.low > 0.3
    assert found.adjusted_p < 0.01
    assert found.holds
    assert compare(ours, claims) == []
    (turned,) = compare([*ours, *theirs], [Claim("aside", "good")])
    assert turned.adjusted_p < 0.01
    assert not turned.holds  # surely different, but on the other side


def test_claims_choose_tasks_regions_and_demonstrations() -> None:
    cells = [
        *(result(cell(task=t, n=n), [1] * 30) for t in ("reach_t", "reach_tr") for n in (30, 200)),
        *(
            result(cell("aside", task=t, n=n), [0, 1] * 15)
            for t in ("reach_t", "reach_tr")
            for n in (30, 200)
        ),
    ]
    assert len(compare(cells, [Claim("good", "aside")])) == 4
    (few,) = compare(cells, [Claim("good", "aside", ("reach_tr",), demonstrations=(30, 200))])
    assert (few.setting.task, few.setting.demonstrations) == ("reach_tr", 30)
    assert few.worse_demonstrations == 200
    assert compare(cells, [Claim("good", "aside", regions=("unseen",))]) == []
    one = compare(cells, [Claim("good", "aside", ("reach_t",), demonstrations=(30, 30))])
    many = compare(cells, [Claim("good", "aside")])
    assert many[0].adjusted_p > one[0].adjusted_p  # Holm: more comparisons, less certainty


def test_cells_of_other_starts_are_not_compared() -> None:
    a, b = whole(cell(), [1, 0, 1, 0]), whole(cell("aside"), [1, 0, 1, 0])
    assert len(compare([a, b], [Claim("good", "aside")])) == 1
    b.regions["interpolation"]["start"][2][0] += 0.01
    with pytest.raises(DataError, match=r"cells with other starts.*delete the older"):
        compare([a, b], [Claim("good", "aside")])
    digests = [["a", "b", "c", "d"], ["a", "b", "c", "e"]]
    for made, initial in zip((a, b), digests, strict=True):
        made.regions["interpolation"] |= {"initial_state": initial}
    with pytest.raises(DataError, match="cells with other starts"):
        compare([a, b], [Claim("good", "aside")])
    b.regions["interpolation"]["initial_state"] = digests[0]
    assert len(compare([a, b], [Claim("good", "aside")])) == 1, "the whole state decides"
    c = result(cell("aside"), [1, 0, 1, 0])
    c.regions["interpolation"]["first_seed"] = 800_000
    with pytest.raises(DataError, match="first seeds 510000 and 800000"):
        compare([a, c], [Claim("good", "aside")])


def test_a_gap_is_closed_by_as_much_as_the_successes_say() -> None:
    n = 40
    shares = {"aside": 0.25, "good": 0.7, "crashes": 0.85}
    cells = [
        result(cell(m, seed=s), [int(i < share * n) for i in range(n)])
        for m, share in shares.items()
        for s in (0, 1)
    ]
    gap = Gap("good", "aside", "crashes", 0.7)
    (found,) = closed(cells, [gap], {})
    assert found.share == pytest.approx(0.75)
    assert found.low < 0.75 < found.high
    assert (found.seeds, found.starts) == ((0, 1), n)
    assert closed(cells[:4], [gap], {}) == []  # without the upper end
    assert closed(cells, [Gap("good", "aside", "aside", 0.7)], {}) == []  # no way to go
    assert closed(cells, [replace(gap, regions=("unseen",))], {}) == []
    text = make_report(replace(STUDY, gaps=(gap,)), cells, "command").text
    assert "**75" in text
    assert "at least 70" in text


def test_the_papers_order_is_counted_in_pairs_that_it_tells_apart() -> None:
    paper = [PaperFigure(m, "reach_t", r) for m, r in (("a", 1.0), ("b", 0.97), ("c", 0.4))]
    found = rows([result(cell(m), s) for m, s in (("a", [1, 1]), ("b", [0, 1]), ("c", [0, 1]))])
    column = ("reach_t", "interpolation")
    ours = {(r.method, column, "expert", r.demonstrations): r for r in found}
    assert agreement(paper, ours, 30, column) == (1, 2)  # a, b: too close; b, c: a tie
    assert agreement(paper, ours, 200, column) == (0, 0)
    assert agreement(paper, ours, 30, ("reach_t", "extrapolation")) == (0, 0)
    assert agreement(paper, ours, 30, column, "human_like") == (0, 0)
    counted = [replace(f, demonstrations=200) for f in paper]
    assert agreement(counted, ours, 30, column) == (0, 0)  # the paper says how many: not these


def test_the_map_has_a_panel_per_method_and_number_and_a_dot_per_rollout() -> None:
    cells = [
        whole(cell("good", n=30), [1, 1, 1, 1]),
        whole(cell("good", n=200), [1, 1, 1, 0]),
        whole(cell("aside", n=30), [0, 0, 0, 0], NARROW),
        whole(cell("good", seed=1), [0, 0, 0, 0]),  # one training seed is drawn, the first
        result(cell("crashes"), [1]),  # holds no starts
        whole(cell(task="push_box"), [1]),
    ]
    svg = start_map(cells, StartMap("reach_t"))
    assert svg is not None
    root = ET.fromstring(svg)
    titles = [t.text for t in root.iter(f"{SVG}text") if "title" in t.get("class", "")]
    assert titles == ["aside, 30", "good, 30", "aside, 200", "good, 200"]
    dots = [c.get("fill") for c in root.iter(f"{SVG}circle") if c.get("r") == "2.6"]
    assert dots.count(SUCCESS) == 7
    assert dots.count(failure_colour(0.08)) == 5
    crosses = [p for p in root.iter(f"{SVG}path") if p.get("class") == "training"]
    assert len(crosses) == 2 * len(TRAINING) + len(NARROW) + 1  # and the legend's
    assert len(list(root.iter(f"{SVG}polygon"))) == 3
    frames = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "frame"]
    places = [(float(c.get("cx", 0)), float(c.get("cy", 0))) for c in root.iter(f"{SVG}circle")]
    for x, y in places[:-1]:
        assert any(
            float(f.get("x", 0)) <= x <= float(f.get("x", 0)) + float(f.get("width", 0))
            and float(f.get("y", 0)) <= y <= float(f.get("y", 0)) + float(f.get("height", 0))
            for f in frames
        )
    assert start_map(cells, StartMap("push_plate")) is None
    assert start_map(cells, StartMap("reach_t", regions=("extrapolation",))) is None


def test_failures_redden_with_their_distance() -> None:
    green = [int(failure_colour(d)[3:5], 16) for d in (0.0, 0.02, 0.05, 0.1)]
    assert green == sorted(green, reverse=True)
    assert len(set(green)) == 4
    assert failure_colour(0.1) == failure_colour(3.0) == failure_colour(None)


def test_curves_are_thinned_to_means_and_keep_gaps(tmp_path: Path) -> None:
    file = ProgressFile(tmp_path, ("seconds", "loss", "delta"), 0)
    for step in range(1, 1001):
        file.add(step, {"seconds": 1.0, "loss": float(step), "delta": 2.0})
    file.add(1001, {"seconds": 1.0, "loss": float("nan")})
    curve = read_curve(tmp_path)
    assert set(curve) == {"step", "loss", "delta"}
    assert len(curve["step"]) == len(curve["loss"]) == len(curve["delta"]) <= 60
    assert curve["step"][:-1] == curve["loss"][:-1]
    assert curve["loss"][-1] is None
    assert set(curve["delta"]) == {2.0}
    assert read_curve(tmp_path / "none") == {}
    assert len(read_curve(tmp_path, points=5)["step"]) == 5


def test_a_curve_is_drawn_per_method_and_breaks_at_nothing() -> None:
    broken = whole(cell("aside"), [1])
    broken.curves["policy"]["loss"][1] = None
    svg = curve_plot(
        [whole(cell(), [1]), broken, result(cell("crashes"), [1])], [CurvePlot("reach_t")]
    )
    assert svg is not None
    lines = [p.get("points", "").split() for p in ET.fromstring(svg).iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [2, 3]  # aside, good
    assert "nan" not in svg
    assert curve_plot([result(cell(), [1])], [CurvePlot("reach_t")]) is None


REPORTED = replace(
    STUDY,
    row_fields=("validation",),
    claims=(Claim("good", "aside"), Claim("good", "dies")),
    targets=(Target("good", 0.9), Target("aside", 0.9), Target("dies", 0.9)),
    paper=(
        PaperFigure("good", "reach_t", 0.941, note="table I"),
        PaperFigure("aside", "reach_t", 0.081, note="table I"),
        PaperFigure("good", "reach_t", 0.733, 200, "table II"),
    ),
    paper_title="A paper",
    maps=(StartMap("reach_t"),),
    curves=(CurvePlot("reach_t"),),
    notes=("A note.",),
)


def test_the_report_says_all_that_its_study_asks_for() -> None:
    cells = [whole(cell(seed=s), [1] * 20) for s in (0, 1)] + [
        whole(cell("aside"), [0, 0, 0, 1] * 5)
    ]
    asked = {"first_seed": "510000", "rollouts": "20", "commit": "abc", "utc": "2026-01-01T00:00"}
    here = {**asked, "cell": cells[0].cell.name, "region": "interpolation", "successes": "20"}
    listed = [
        {**here, "trained": "x"},
        {**here, "trained": "y"},
        {**here, "cell": "gone", "successes": "3", "trained": "x"},
        {**here, "cell": "gone", "successes": "4", "trained": "x"},
    ]
    report = make_report(REPORTED, cells, "visuomotor study table toys.study", listed)
    text = report.text
    assert text.startswith("<!-- Generated by `visuomotor study table toys.study`")
    for part in (
        "A note.",
        "| `good` | Goes to the goal. |",
        "seeds from 510000 on). Successes",
        "| `good` | **100.0** [91, 100] of 40; 2 seeds, 100 to 100 |",
        "| `aside` | **25.0** [11, 47] of 20 |",
        "| at least 90.0 | **100.0** [91, 100] of 40; 2 seeds, 100 to 100 | met |",
        "| at least 90.0 | **25.0** [11, 47] of 20 | **missed** |",
        "| `dies` | all | interpolation |  | at least 90.0 | no cell yet |",
        "| `good` above `aside` | reach_t, 30 | interpolation | 1 × 20 | **+75.0**",
        "| shown of these |",
        "| `good` above `dies` |  | interpolation |  | no cells yet |",
        "come from another simulator",
        "| `good` | paper 94.1<br>ours **100.0** [91, 100] (30) |",
        "**table II, 200 demonstrations**\n\n| method | reach_t |\n| --- | --- |\n"
        "| `good` | paper 73.3 |",
        "| reach_t | table I | 30 | 1 of 1 |",
        "| `good` | reach_t | 30 | 60 | 0.6 |",
        "outside the training configurations' hull",
        "4 evaluations of 80 rollouts in all",
        f"| {cells[0].cell.name} | interpolation | 2 |",
        "| gone | interpolation | 510000 | 4 of 20 | abc | 2026-01-01 |",
    ):
        assert part in text, part
    assert set(report.pictures) == {"toys.study_starts_reach_t.svg", "toys.study_curves.svg"}
    for name, svg in report.pictures.items():
        assert f"]({name})" in text
        ET.fromstring(svg)
    assert make_report(REPORTED, cells[::-1], "visuomotor study table toys.study", listed) == report


def test_starts_that_are_not_the_tables_are_pointed_out() -> None:
    made = result(cell(), [1])
    made.regions["interpolation"]["first_seed"] = 800_000
    text = make_report(STUDY, [made], "x").text
    assert "(seeds from 800000 on, **not the tables' 510000**)" in text


def test_a_report_of_older_cells_leaves_out_what_they_lack() -> None:
    report = make_report(REPORTED, [result(cell(), [1, 0])], "x")
    assert report.pictures == {}
    assert "hull" not in report.text
    assert report.text.count("no cells yet") == 2


def test_the_command_writes_beside_one_another_or_prints_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "cells", whole(cell(), [1, 0]))
    options = ["study", "table", FAMILY, "--results", str(tmp_path / "cells")]
    assert main([*options, "--json"]) == 0
    inside, outside = json.loads(capsys.readouterr().out)
    assert (inside["family"], inside["region"], inside["rate"]) == (FAMILY, "interpolation", 0.5)
    assert (outside["region"], outside["rollouts"]) == ("interpolation_outside_hull", 1)
    out = tmp_path / "docs"
    assert main([*options, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    written = (out / f"{FAMILY}.md").read_text()
    assert written in printed
    assert [p.name for p in out.iterdir()] == [f"{FAMILY}.md"]
    assert (
        main(["study", "table", FAMILY, "--results", str(tmp_path / "none"), "--out", str(out)])
        == 0
    )
    assert "no cell of toys.study in" in capsys.readouterr().out
