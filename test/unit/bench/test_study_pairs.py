"""Regions that name a start and a goal: in requests, in rollouts, in rows and in the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visuomotor.bench.study import gti_methods
from visuomotor.bench.study.cell import Cell, CellResult
from visuomotor.bench.study.filling import sim_of
from visuomotor.bench.study.goals import goals_for
from visuomotor.bench.study.pairs import KINDS, expanded, pair_region
from visuomotor.bench.study.plan import Job, study_of
from visuomotor.bench.study.report import make_report
from visuomotor.bench.study.request import Block, Request
from visuomotor.bench.study.table import rows
from visuomotor.errors import ConfigError
from visuomotor.generation.coverage import Coverage
from visuomotor.observations import CameraSpec
from visuomotor.recording import WriterConfig
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.training import train

SMALL = (CameraSpec("front", 24, 32, depth=False), CameraSpec("wrist", 24, 32, depth=False))
CROSS_PAIRS = ("a>c", "a>d", "b>c", "b>d")
COMPOSED = ("a>d", "b>c")


def result(method: str, regions: dict[str, dict[str, Any]], seed: int = 0) -> CellResult:
    cell = Cell("gti", method, "cross", "plain", "human_like", 100, seed)
    whole = {r: {"first_seed": 510_000, "start": [], **values} for r, values in regions.items()}
    return CellResult(cell, 60.0, "abc", {}, "command", whole, {})


# --- what is asked for ---


def test_a_kind_stands_for_all_of_a_tasks_regions() -> None:
    assert expanded("cross", ["starts"]) == ("a>", "b>")
    assert expanded("cross", ["pairs", "extrapolation"]) == (*CROSS_PAIRS, "extrapolation")
    assert expanded("bread", ["held"]) == tuple(
        f"{start}>{goal}:held" for start in ("container", "table") for goal in ("plate", "oven")
    )


@pytest.mark.parametrize(
    ("task", "region", "said"),
    [
        ("cross", "a>e", r"unknown goal of cross 'e'.*c, d"),
        ("cross", "c>d", r"unknown start of cross 'c'.*a, b"),
        ("cross", "a>d:pushed", r"unknown disturbance 'pushed'"),
        ("lift", "pairs", "task lift has no starts and goals"),
    ],
)
def test_what_a_task_lacks_is_named(task: str, region: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        expanded(task, [region])


def test_who_is_told_a_goal_is_asked_for_pairs_and_others_for_starts() -> None:
    wanted = {w.cell.method: w for w in Request("gti", (Block(task=("cross",)),)).wanted()}
    assert tuple(wanted["gti"].rollouts) == tuple(wanted["raw"].rollouts) == CROSS_PAIRS
    assert tuple(wanted["stage1"].rollouts) == tuple(wanted["bc_rnn"].rollouts) == ("a>", "b>")
    request = Request("gti", (Block(region=("a>d:held", "interpolation")),))
    assert request.first_seed("a>d:held") == request.first_seed("interpolation")
    assert request.first_seed("a>d", "bread") != request.first_seed("a>d"), (
        "seen before it was done"
    )
    with pytest.raises(ConfigError, match="no starts in region 'nowhere'"):
        request.first_seed("nowhere")
    with pytest.raises(ConfigError, match=r"unknown region 'paris'.*did you mean 'pairs'"):
        Request("gti", (Block(region=("paris",)),)).wanted()


@pytest.mark.parametrize("region", ["a>", "a>d", "b>c:held", "b>d:moved"])
def test_the_world_is_the_one_that_the_region_names(region: str) -> None:
    cell = Cell("gti", "gti", "cross", "plain", "human_like", 100, 0)
    sim = sim_of(study_of("gti"), cell, region)
    pair = pair_region(region)
    assert pair is not None
    assert (sim.start, sim.goal, sim.disturbance) == (pair.start, pair.goal, pair.disturbance)
    assert (sim.region, sim.cameras) == ("interpolation", ("front", "wrist"))


# --- what was found ---


def test_rows_carry_the_pair_and_a_start_gives_the_share_of_each_goal() -> None:
    free = {"success": [1, 1, 0, 1], "reached": ["c", "d", "", "c"]}
    told = {"a>d": {"success": [1, 0]}, "a>d:held": {"success": [1, 1]}}
    plain = [row.plain() for row in rows([result("stage1", {"a>": free}), result("gti", told)])]
    found = {(r["method"], r["region"], r["pair"]): (r["successes"], r["rollouts"]) for r in plain}
    assert found == {
        ("stage1", "interpolation", "a>"): (3, 4),
        ("stage1", "interpolation", "a>c"): (2, 4),
        ("stage1", "interpolation", "a>d"): (1, 4),
        ("gti", "interpolation", "a>d"): (1, 2),
        ("gti", "held", "a>d"): (2, 2),
    }


def test_what_was_rolled_out_is_not_replaced_by_what_is_derived() -> None:
    free = {"success": [1, 1], "reached": ["c", "c"]}
    both = result("bc_rnn", {"a>": free, "a>c": {"success": [0, 1]}})
    (row,) = (r for r in rows([both]) if r.region == "a>c")
    assert (row.successes, row.rollouts) == (1, 2)


def test_the_report_has_a_column_per_pair_and_says_which_was_never_shown() -> None:
    rng = np.random.default_rng(0)
    free = {"success": [1] * 40, "reached": [str(g) for g in rng.choice(["c", "d"], 40)]}
    told = {p: {"success": [1] * 40} for p in (*CROSS_PAIRS, *(f"{p}:held" for p in CROSS_PAIRS))}
    raw = {p: {"success": [int(p in ("a>c", "b>d"))] * 40} for p in CROSS_PAIRS}
    cells = [result("stage1", {"a>": free}), result("gti", told), result("raw", raw)]
    text = make_report(study_of("gti"), cells, "command").text
    assert "| a > c, shown | a > d, **never shown** |" in text
    assert "## Cross, held" in text
    assert "Not from the tables' starts" in text
    assert "`gti/cross-plain-human_like/raw-100-seed0` (from 510000 on)" in text
    assert "## Cross, moved" not in text
    claimed = [ln.split(" | ") for ln in text.splitlines() if "`gti` above `raw`" in ln]
    assert {c[2] for c in claimed} == set(COMPOSED), "only where the pair was never shown"
    assert all(c[-1] == "shown of these |" for c in claimed), "one training seed"
    assert "| `gti` above `gcbc` |" in text
    assert "no cells yet" in text


# --- the methods, and what they are told ---


def test_goals_are_the_ends_of_demonstrations_of_that_pair(tmp_path: Path) -> None:
    sim = SimConfig(task="cross", cameras=("front", "wrist"), width=32, height=24)
    data, made = tmp_path / "data", {}
    world = SimWorld(sim)
    write_demos(world, data, range(1), WriterConfig())
    world.close()
    for goal in ("image", "none"):
        made[goal] = tmp_path / goal
        train("goal", None, data, made[goal], cameras=SMALL, steps=1, batch=2, goal=goal)
    few = tmp_path / "goals"
    asked = pair_region("a>d")
    shown = goals_for(made["image"], sim, asked, few, count=1)
    assert [g.shape for g in shown] == [(24, 32, 3)]
    assert (few / "cross-plain-a-d").is_dir()
    assert goals_for(made["none"], sim, asked, few, count=1) == []
    assert goals_for(made["image"], sim, pair_region("a>"), few, count=1) == []


def test_methods_differ_in_what_their_names_say(monkeypatch, tmp_path: Path) -> None:
    asked: list[tuple[str, Path, dict[str, Any]]] = []

    def trained(family, config_file, dataset, out, report, should_stop, device, **settings):
        asked.append((family, dataset, settings))

    monkeypatch.setattr(gti_methods, "train", trained)
    monkeypatch.setattr(gti_methods, "_generated", lambda job, made, out: None)
    monkeypatch.setattr(gti_methods, "coverage", lambda *_: Coverage({("a", "c"): 3}))
    monkeypatch.setattr(gti_methods, "_kept", lambda made, out, period: None)
    found = {}
    for name, method in study_of("gti").methods.items():
        cell = Cell("gti", name, "cross", "plain", "human_like", 7, 3)
        method.train(Job(cell, tmp_path / "bags", tmp_path, tmp_path, print, lambda: False))
        found[name] = list(asked)
        asked.clear()
        steps = [settings["steps"] for _, _, settings in found[name]]
        budget = 3 if name in ("gti", "gcbc", "raw", "bc_rnn") else 1  # 1 of them stage 1's
        assert sum(steps) == budget * gti_methods.STEPS["cross"], name
        for _, _, settings in found[name]:
            assert (settings["task"], settings["seed"]) == ("cross", 3)
    families = {name: [f for f, _, _ in asks] for name, asks in found.items()}
    assert families["gti"] == ["gti", "goal"]
    assert {n for n, f in families.items() if f == ["goal"]} == {"bc_rnn", "gcbc", "raw"}
    assert found["stage1_unimodal"][0][2]["modes"] == 1
    assert "modes" not in found["stage1"][0][2]
    assert found["bc_rnn"][0][2]["goal"] == "none"
    assert found["gti"][1][1].name == "rollouts-seed3"


def test_kinds_are_no_names_of_regions() -> None:
    study = study_of("gti")
    assert set(study.regions) <= set(KINDS)
    assert replace(study, regions=()).usual_regions("stage1", "plain")[0] == "interpolation"
