"""Cells, their files, and what tables make of them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from visuomotor.bench.study.cell import Cell, CellResult, load, load_all, result_path, save
from visuomotor.bench.study.plan import FIRST_SEEDS, study_of
from visuomotor.bench.study.request import Block, Request, Wanted, read_plan
from visuomotor.bench.study.run import fill
from visuomotor.bench.study.work import Notes, demonstrations, locked
from visuomotor.cli import main
from visuomotor.errors import ConfigError, DataError
from visuomotor.recording.catalogue import find_episodes
from visuomotor.sim import SimConfig
from visuomotor.sim.tasks import make_task


def cell(method: str = "dd3d", seed: int = 0, task: str = "reach_t", n: int = 30) -> Cell:
    return Cell("dense", method, task, "plain", "expert", n, seed)


def result(of: Cell, success: list[int], region: str = "interpolation") -> CellResult:
    outcomes: dict[str, Any] = {"first_seed": FIRST_SEEDS["interpolation"], "success": success}
    return CellResult(of, 60.0 + of.seed, "abc", {"cpu": "x"}, "command", {region: outcomes}, {})


def test_a_cell_survives_its_file(tmp_path: Path) -> None:
    made = result(cell(), [1, 0, 1])
    save(tmp_path, made)
    assert load(result_path(tmp_path, made.cell)) == made
    save(tmp_path, result(cell("dd2d"), [1]))
    assert [r.cell.method for r in load_all(tmp_path, "dense")] == ["dd2d", "dd3d"]
    assert load_all(tmp_path, "han") == []
    result_path(tmp_path, made.cell).write_text('{"cell": {"family": "dense"}}')
    with pytest.raises(DataError, match=r"not a cell of a study.*delete it"):
        load_all(tmp_path, "dense")


def test_a_cells_file_is_plain_json_without_nan(tmp_path: Path) -> None:
    made = replace(
        result(cell(), [1, 0]),
        figures={"loss": float("nan"), "ways": [float("inf"), 1.0]},
        training_starts=[[0.6, -0.1, 0.2], [0.7, 0.1, -0.2]],
    )
    save(tmp_path, made)
    path = result_path(tmp_path, made.cell)

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    json.loads(path.read_text(), parse_constant=refuse)
    assert load(path).figures == {"loss": None, "ways": [None, 1.0]}
    assert "[ 0.6, -0.1, 0.2 ]" in path.read_text()  # one line per list of numbers
    assert list(path.parent.iterdir()) == [path]


def test_a_cell_of_an_older_version_is_read(tmp_path: Path) -> None:
    made = result(cell(), [1, 0])
    save(tmp_path, made)
    path = result_path(tmp_path, made.cell)
    values = json.loads(path.read_text())
    del values["training_starts"], values["curves"]
    path.write_text(json.dumps(values))
    assert load(path) == made


TRY = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB)"
HOLD = (
    "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True)"
)


def test_a_lock_holds_between_processes_and_ends_with_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    def other() -> bool:
        """Whether another process gets it."""
        command = [sys.executable, "-c", TRY, str(path)]
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0

    with locked(path) as mine:
        assert mine
        assert not other()
    assert other()
    command = [sys.executable, "-c", HOLD + "; sys.stdin.read()", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline()
        with locked(path, wait=False) as mine:
            assert not mine
        owner.kill()
        owner.wait(timeout=60)
    with locked(path, wait=False) as mine:
        assert mine


def test_notes_add_up_over_runs(tmp_path: Path) -> None:
    Notes(tmp_path / "a" / "notes.json").add("train_s", 1.5)
    notes = Notes(tmp_path / "a" / "notes.json")
    notes.add("train_s", 2.0)
    notes.set(commit="abc")
    assert Notes(tmp_path / "a" / "notes.json").values == {"train_s": 3.5, "commit": "abc"}


def test_demonstrations_grow_and_keep_the_first_ones(tmp_path: Path) -> None:
    sim = SimConfig(task="reach_t", cameras=("front",), width=32, height=24)
    demonstrations(tmp_path, sim, 1000, 1)
    first = find_episodes(tmp_path, "reach_t")
    assert demonstrations(tmp_path, sim, 1000, 2) == tmp_path
    both = find_episodes(tmp_path, "reach_t")
    assert len(both) == 2
    assert both[0] == first[0]
    before = {p: p.stat().st_mtime_ns for p in both}
    demonstrations(tmp_path, sim, 1000, 2)
    assert {p: p.stat().st_mtime_ns for p in find_episodes(tmp_path, "reach_t")} == before


def wanted(family: str = "dense", **choices: Any) -> list[Wanted]:
    return Request(family, (Block(**choices),)).wanted()


def test_a_request_names_what_its_study_lacks() -> None:
    with pytest.raises(ConfigError, match="unknown study 'danse'; did you mean 'dense'"):
        wanted("danse")
    with pytest.raises(
        ConfigError, match=r"study 'no\.such': No module named 'no'; expected a mod"
    ):
        wanted("no.such")
    with pytest.raises(ConfigError, match="unknown method"):
        wanted(method=("dd4d",))
    with pytest.raises(ConfigError, match="unknown task 'reach'"):
        wanted(task=("reach",))
    with pytest.raises(ConfigError, match="unknown region 'inside'"):
        wanted(region=("inside",))
    cells = [w.cell for w in wanted(task=("reach_t",), demonstrations=(30, 200), seed=(0, 1, 2))]
    assert len({c.name for c in cells}) == len(cells)
    assert {c.demonstrations for c in cells} == {30, 200}


def test_each_variant_has_its_usual_regions() -> None:
    found = wanted(task=("reach_t",), method=("dd3d",), task_variant=("plain", "class_general"))
    assert [set(w.rollouts) for w in found] == [
        {"interpolation", "extrapolation"},
        {"interpolation", "unseen"},
    ]


def test_a_plan_keeps_its_order_and_merges_what_is_asked_of_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "blocks:\n"
        "  - {task: reach_tr, method: dd3d, demonstrations: 200, region: interpolation}\n"
        "  - {task: [reach_t, reach_tr], method: dd3d, demonstrations: 200, seed: [0, 1],\n"
        "     rollouts: 300, region: [interpolation, extrapolation]}\n"
    )
    found = Request("dense", read_plan(path)).wanted()
    assert [(w.cell.task, w.cell.seed) for w in found] == [
        ("reach_tr", 0),
        ("reach_t", 0),
        ("reach_t", 1),
        ("reach_tr", 1),
    ]
    assert found[0].rollouts == {"interpolation": 300, "extrapolation": 300}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("tasks: [reach_t]", "no list `blocks`, expected blocks such as"),
        ("blocks: []", "no list `blocks`"),
        ("blocks: [reach_t]", "block 1: got 'reach_t', expected a mapping"),
        ("blocks: [{}, {tsk: reach_t}]", "block 2: unknown Block key 'tsk'; did you mean 'task'"),
        ("blocks: [{seed: one}]", "block 1: Block.seed.*got 'one', expected int"),
        ("blocks: [{demonstrations: 0}]", "block 1: got rollouts 0, demonstrations .0,.; expected"),
    ],
)
def test_a_wrong_plan_is_told_by_block_and_key(tmp_path: Path, text: str, error: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ConfigError, match=error):
        read_plan(tmp_path / "plan.yaml")


def test_what_is_there_is_not_done_again(tmp_path: Path) -> None:
    save(tmp_path / "results", result(cell(), [1] * 5))
    block = Block(("reach_t",), ("dd3d",), demonstrations=(30,), region=("interpolation",))
    request = Request(
        "dense",
        (replace(block, rollouts=5),),
        work=tmp_path / "work",
        results=tmp_path / "results",
    )
    said: list[str] = []
    assert fill(request, 1, said.append) == 0  # nothing is missing: nothing is done
    assert said == ["1 of 1 cells are there"]
    assert not (tmp_path / "work").exists()


def test_development_starts_stay_out_of_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "run", "dense", "--development"]) == 2
    assert "must not get into tables" in capsys.readouterr().err


@pytest.mark.parametrize("family", ["dense", "han"])
def test_the_plan_of_a_family_asks_for_cells_that_there_are(family: str) -> None:
    """And its worlds can be built: every task has the variants and sources that are asked for."""
    plan = Path(__file__).parents[3] / "benchmarks" / "plans" / f"{family}.yaml"
    study = study_of(family)
    cells = [w.cell for w in Request(family, read_plan(plan)).wanted()]
    assert len(cells) > 40
    assert {c.method for c in cells} <= set(study.methods)
    worlds = {(c.task, c.task_variant, c.source) for c in cells}
    for task, variant, source in worlds:
        make_task(task, variant)
        SimConfig(task=task, variant=variant, **study.sources[source])
