"""A side of a comparison answers from a process of its own, and says what went wrong in it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from visuomotor.bench.dataset import write_synthetic
from visuomotor.bench.peers.disk import evict, files_in, size_mb
from visuomotor.bench.peers.environments import environment
from visuomotor.bench.peers.loading import SPEC, Draws
from visuomotor.bench.peers.sides import Side, SideError
from visuomotor.dataset import open_dataset
from visuomotor.errors import MissingDependencyError

LENGTH, BATCH = 2, 4


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bags")
    write_synthetic(folder, 2, 6)
    return folder


@pytest.fixture(scope="module")
def side(bags: Path) -> Iterator[Side]:
    arguments = {"bags": str(bags), "cache": str(bags / "own"), "window": LENGTH}
    arguments |= {"workers": 0, "batch": BATCH, "seed": 0}
    log = bags / "log.txt"
    with Side(Path(sys.executable), "loading_ours", arguments, log) as started:
        yield started


def test_a_side_loads_what_the_dataset_holds(side: Side, bags: Path) -> None:
    assert side.ask("prepare") > 0
    opened = side.ask("open")
    windows = open_dataset(bags, SPEC, bags / "own").windows(LENGTH, depth=False)
    assert opened["windows"] == len(windows)
    seen, batch = side.ask("window", number=3), windows.batch([3])
    np.testing.assert_allclose(
        seen["side"], batch["side/color"][0].mean(axis=(1, 2, 3)) / 255, rtol=1e-5
    )
    np.testing.assert_allclose(seen["state"][:3], batch["T_base_ee"][0, 0, :3, 3], rtol=1e-5)
    assert seen["action"][-1] == pytest.approx(batch["action_width_m"][0, -1])
    assert side.ask("turn", seconds=0.01, ready=True) > 0
    assert side.pss_mb() > 1


def test_what_a_side_raises_is_told_and_it_lives_on(side: Side) -> None:
    with pytest.raises(SideError, match=r"loading_ours: turn: TypeError: .*seconds"):
        side.ask("turn")
    assert side.ask("ready") == {"decoder": "none"}


def test_a_side_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with (
        Side(Path(sys.executable), "loading_nothing", {}, log) as gone,
        pytest.raises(SideError, match=r"ended at ready; its log ends: .*loading_nothing"),
    ):
        gone.ask("ready")


def test_no_window_comes_again_before_all_came() -> None:
    rows = iter(Draws(10, 4, seed=1))
    drawn = [number for _ in range(5) for number in next(rows)]
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))


def test_files_out_of_the_page_cache_are_what_they_were(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a").write_bytes(b"1" * 1000)
    (tmp_path / "b").write_bytes(b"2" * 500)
    evict(tmp_path)
    assert size_mb(tmp_path) == pytest.approx(0.0015)
    assert {p.read_bytes()[:1] for p in files_in(tmp_path)} == {b"1", b"2"}


def test_what_is_not_installed_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match=r"no \.venv-none .*make none"):
        environment(".venv-none", "none", ("numpy",), root=tmp_path)
    python = tmp_path / ".venv-some" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    with pytest.raises(MissingDependencyError, match="lacks no-such-thing: `make some`"):
        environment(".venv-some", "some", ("no-such-thing",), root=tmp_path)
