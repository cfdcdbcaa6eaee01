"""Filling cells: what a cell's file holds, and what happens when something goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from toys.study import write

from visuomotor.bench.study.cell import Cell, load, load_all, result_path
from visuomotor.bench.study.curve import POINTS
from visuomotor.bench.study.evaluations import evaluations, repeated
from visuomotor.bench.study.plan import Job
from visuomotor.bench.study.request import Block, Request
from visuomotor.bench.study.rolling import roll_out
from visuomotor.bench.study.run import fill
from visuomotor.bench.study.watch import Watch
from visuomotor.bench.study.work import locked
from visuomotor.errors import Interrupted
from visuomotor.recording.catalogue import find_episodes
from visuomotor.recording.sidecar import load_sidecar
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.tasks.motion import yaw_of
from visuomotor.sim.tasks.reach import TOLERANCE_M
from visuomotor.training import Progress

STARTS = (("interpolation", 800_000), ("extrapolation", 820_000))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The datasets are recorded once for all of these tests."""
    return tmp_path_factory.mktemp("work")


def request_for(work: Path, results: Path, *methods: str) -> Request:
    block = Block(method=methods, rollouts=2)
    return Request("toys.study", (block,), STARTS, work, results)


def test_a_cell_holds_starts_errors_curves_and_figures(work: Path, tmp_path: Path) -> None:
    request = request_for(work, tmp_path, "good", "aside")
    said: list[str] = []
    assert fill(request, 1, said.append) == 0
    good, aside = (load(result_path(tmp_path, w.cell)) for w in request.wanted())
    for region, first in STARTS:
        world = SimWorld(SimConfig(task="reach_t", region=region, cameras=()))
        for i in range(2):
            world.reset(first + i)
            T = world.object_poses()["carton"]
            start = [T[0, 3], T[1, 3], yaw_of(T)]
            assert good.regions[region]["start"][i] == pytest.approx(start, abs=6e-5)
        world.close()
        assert aside.regions[region]["start"] == good.regions[region]["start"]
        assert good.regions[region]["success"] == [1, 1]
        assert aside.regions[region]["success"] == [0, 0]
        assert all(m < TOLERANCE_M and rad == 0 for m, rad in good.regions[region]["error"])
        assert all(0.03 < m < 0.07 for m, _ in aside.regions[region]["error"])
    assert good.figures == {"validation": 0.25}
    command = "visuomotor study run toys.study --task reach_t --method good --task-variant plain"
    command += " --source expert --demonstrations 3 --seed 0 --region interpolation extrapolation"
    assert good.command == f"{command} --rollouts 2"
    assert set(good.curves) == {"policy", "first"}
    steps, loss = good.curves["policy"]["step"], good.curves["policy"]["loss"]
    assert len(steps) == len(loss) <= POINTS
    assert loss[0] > loss[-1]  # type: ignore[operator]


def test_training_starts_are_those_of_the_demonstrations(work: Path, tmp_path: Path) -> None:
    request = request_for(work, tmp_path, "good")
    assert fill(request, 1, lambda _: None) == 0
    found = load(result_path(tmp_path, request.wanted()[0].cell)).training_starts
    episodes = find_episodes(work / "datasets" / "reach_t-plain-expert", "reach_t", ("success",))
    assert len(found) == len(episodes) == 3
    world = SimWorld(SimConfig(task="reach_t", region="gaussian", cameras=()))
    for start, episode in zip(found, episodes, strict=True):
        seed = load_sidecar(episode).seed
        assert seed is not None
        world.reset(seed)
        T = world.object_poses()["carton"]
        assert start == pytest.approx([T[0, 3], T[1, 3], yaw_of(T)], abs=6e-5)
    world.close()


def test_more_rollouts_are_added_to_those_there(work: Path, tmp_path: Path) -> None:
    block = Block(method=("good",), rollouts=1, region=("interpolation",))
    request = Request("toys.study", (block,), STARTS, work, tmp_path)
    assert fill(request, 1, lambda _: None) == 0
    path = result_path(tmp_path, request.wanted()[0].cell)
    first = load(path)
    values = json.loads(path.read_text())
    values["regions"]["interpolation"]["steps"] = [-1]  # to know them again
    path.write_text(json.dumps(values))
    more = replace(request, blocks=(replace(block, rollouts=3),))
    assert fill(more, 1, lambda _: None) == 0
    region = load(path).regions["interpolation"]
    assert region["steps"][0] == -1
    assert len(region["success"]) == len(region["start"]) == len(region["error"]) == 3
    assert len(set(region["initial_state"])) == 3
    assert region["initial_state"][0] == first.regions["interpolation"]["initial_state"][0]
    assert region["start"][0] == first.regions["interpolation"]["start"][0]
    assert len({tuple(s) for s in region["start"]}) == 3


def test_it_is_told_that_a_policy_was_trained_by_other_code(work: Path, tmp_path: Path) -> None:
    block = Block(method=("good",), seed=(30,), rollouts=1, region=("interpolation",))
    request = Request("toys.study", (block,), STARTS, work, tmp_path)
    said: list[str] = []
    assert fill(request, 1, said.append) == 0
    notes = work / "cells" / request.wanted()[0].cell.name / "notes.json"
    notes.write_text(json.dumps({**json.loads(notes.read_text()), "commit": "abc1234"}))
    assert not any("was trained at" in line for line in said)
    more = replace(request, blocks=(replace(block, rollouts=2),))
    assert fill(more, 1, said.append) == 0
    assert any("was trained at abc1234" in line and str(notes.parent) in line for line in said)


def test_rollouts_of_another_training_are_not_mixed_in(work: Path, tmp_path: Path) -> None:
    request = request_for(work, tmp_path, "good")
    assert fill(request, 1, lambda _: None) == 0
    path = result_path(tmp_path, request.wanted()[0].cell)
    values = json.loads(path.read_text())
    values["trained"] = "2001-01-01T00:00:00+00:00"
    values["regions"]["interpolation"]["success"] = [0]  # too few: rolled out again
    path.write_text(json.dumps(values))
    (block,) = request.blocks
    again = replace(request, blocks=(replace(block, region=("interpolation",)),))
    assert fill(again, 1, lambda _: None) == 0
    assert set(load(path).regions) == {"interpolation"}
    listed = evaluations(tmp_path, "toys.study")
    assert [e["region"] for e in listed] == ["interpolation", "extrapolation", "interpolation"]
    assert {(e["rollouts"], e["first_seed"]) for e in listed[2:]} == {("2", "800000")}
    assert repeated(listed) == {}  # the same training, evaluated twice
    other = [{**listed[0], "trained": "2001-01-01"}]
    assert list(repeated([*listed, *other]).values()) == [2]


def test_a_failed_training_costs_no_other_cell(work: Path, tmp_path: Path) -> None:
    block = Block(method=("refuses", "crashes", "good"), rollouts=1, region=("interpolation",))
    request = Request("toys.study", (block,), STARTS, work, tmp_path)
    said: list[str] = []
    assert fill(request, 1, said.append) == 2
    told = "\n".join(said)
    assert "refuses-3-seed0: FAILED: too few demonstrations of anything" in told
    assert re.search(r"crashes-3-seed0: FAILED: ZeroDivisionError.*; see .*error.txt", told)
    cell = request.wanted()[1].cell
    assert "nobody thought" in (work / "cells" / cell.name / "error.txt").read_text()
    assert [r.cell.method for r in load_all(tmp_path, "toys.study")] == ["good"]
    assert fill(request, 1, said.append) == 0  # they are tried again
    assert len(load_all(tmp_path, "toys.study")) == 3


def test_processes_survive_one_anothers_end_and_do_not_wait_for_what_others_make(
    work: Path, tmp_path: Path
) -> None:
    """The first cell goes on when the third one, which dies, has begun; the second needs both."""
    blocks = (
        Block(method=("shares",), seed=(0, 1), rollouts=1, region=("interpolation",)),
        Block(method=("dies",), rollouts=1, region=("interpolation",)),
    )
    request = Request("toys.study", blocks, STARTS, work, tmp_path)
    said: list[str] = []
    assert fill(request, 2, said.append) == 1
    assert said[1:] == [f"{request.wanted()[2].cell.name}: FAILED: its process ended with 9"]
    assert [r.cell.seed for r in load_all(tmp_path, "toys.study")] == [0, 1]
    assert fill(request, 1, said.append) == 0


def test_two_runs_at_once_share_the_cells(work: Path, tmp_path: Path) -> None:
    block = Block(method=("good",), seed=(10, 11, 12, 13), rollouts=1, region=("interpolation",))
    request = Request("toys.study", (block,), STARTS, work, tmp_path)
    said: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(fill, request, 1, said.append) for _ in range(2)]:
            run.result(timeout=60)
    assert fill(request, 1, said.append) == 0
    trained = [line for line in said if "trained in" in line]
    assert len(trained) == len(set(trained)) == 4
    assert len(load_all(tmp_path, "toys.study")) == 4


def test_rollouts_do_not_depend_on_who_shares_them(work: Path, tmp_path: Path) -> None:
    cell = Cell("toys.study", "good", "reach_t", "plain", "expert", 3, 0)
    write(Job(cell, work, work, tmp_path, lambda _: None, lambda: False))
    sim = SimConfig(task="reach_t", cameras=())
    seeds = range(800_000, 800_002)
    shared = list(roll_out("toys.study", tmp_path, sim, seeds, 2))
    assert [r.seed for r in shared] == list(seeds)
    assert shared == list(roll_out("toys.study", tmp_path, sim, seeds, 1))


def test_a_run_that_is_stopped_goes_on_when_run_again(work: Path, tmp_path: Path) -> None:
    block = Block(method=("endless", "good"), seed=(20,), rollouts=1)
    request = Request("toys.study", (block,), STARTS, work, tmp_path)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    said: list[str] = []
    with pytest.raises(Interrupted, match="2 of 2 cells are missing; run it again to go on"):
        fill(request, 1, said.append, stop.is_set)
    assert "endless-3-seed20: stopped at" in said[-1]
    assert fill(request, 1, said.append) == 0


def test_ctrl_c_reaches_the_training_in_its_process(work: Path, tmp_path: Path) -> None:
    options = [
        "--method",
        "endless",
        "--seed",
        "21",
        "--rollouts",
        "1",
        "--development",
        "--workers",
        "2",
    ]
    places = ("--work", str(work), "--results", str(tmp_path))
    command = [sys.executable, "-m", "visuomotor.cli", "study", "run", "toys.study"]
    run = subprocess.Popen(
        [*command, *options, *places],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        start_new_session=True,  # a terminal's Ctrl-C reaches every process of the group
    )
    cell = work / "cells" / "toys.study" / "reach_t-plain-expert" / "endless-3-seed21"
    deadline = time.monotonic() + 60
    while not (cell / "training").exists():
        assert time.monotonic() < deadline
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130, output
    assert "endless-3-seed21: stopped at" in output
    assert "1 of 1 cells are missing; run it again" in output
    assert "Traceback" not in output
    assert (cell / "state").exists()


def test_a_watch_speaks_slowly_and_counts_all_time_but_waiting(tmp_path: Path) -> None:
    said: list[str] = []
    spent: list[float] = []
    watch = Watch("cell", said.append, spent.append, every_s=0.05)
    start = time.monotonic()
    progress = Progress("descriptors", 20, 300, {"loss": float("nan"), "pixel": 1.25}, 90.0)
    while time.monotonic() - start < 0.3:
        watch.report(progress)
    watch.close()
    elapsed = time.monotonic() - start
    assert 1 <= len(said) <= 6
    assert said[0] == "cell: descriptors 20 of 300: loss nan, pixel 1.25, 2 min left"
    assert sum(spent) == pytest.approx(elapsed, abs=0.02)
    with locked(tmp_path / "lock"):
        held = ThreadPoolExecutor(1).submit(_take, tmp_path / "lock")
        time.sleep(0.2)
    held.result(timeout=10)
    watch.close()
    assert spent[-1] < 0.15


def _take(path: Path) -> None:
    with locked(path):
        pass
