"""Filling cells: what a cell's file holds, and what happens when something goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from visuomotor.bench.study.cell import load, result_path
from visuomotor.bench.study.curve import POINTS
from visuomotor.bench.study.run import Request, fill
from visuomotor.recording.catalogue import find_episodes
from visuomotor.recording.sidecar import load_sidecar
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.tasks.motion import yaw_of
from visuomotor.sim.tasks.reach import TOLERANCE_M

STARTS = (("interpolation", 800_000), ("extrapolation", 820_000))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The datasets are recorded once for all of these tests."""
    return tmp_path_factory.mktemp("work")


def request_for(work: Path, results: Path, *methods: str) -> Request:
    return Request(
        "toys.study",
        methods=methods,
        regions=("interpolation", "extrapolation"),
        rollouts=2,
        first_seeds=STARTS,
        work=work,
        results=results,
    )


def test_a_cell_holds_starts_errors_curves_and_figures(work: Path, tmp_path: Path) -> None:
    request = request_for(work, tmp_path, "good", "aside")
    said: list[str] = []
    assert fill(request, 1, said.append) == 0
    good, aside = (load(result_path(tmp_path, cell)) for cell in request.cells())
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
    assert set(good.curves) == {"policy", "first"}
    steps, loss = good.curves["policy"]["step"], good.curves["policy"]["loss"]
    assert len(steps) == len(loss) <= POINTS
    assert loss[0] > loss[-1]  # type: ignore[operator]


def test_training_starts_are_those_of_the_demonstrations(work: Path, tmp_path: Path) -> None:
    request = request_for(work, tmp_path, "good")
    assert fill(request, 1, lambda _: None) == 0
    found = load(result_path(tmp_path, request.cells()[0])).training_starts
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
