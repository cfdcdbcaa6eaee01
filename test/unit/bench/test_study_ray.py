"""Cells as tasks of a Ray cluster of two workers on this machine; `make test-ray` installs Ray."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from visuomotor.bench.study.cell import load_all
from visuomotor.bench.study.on_ray import connect, ray_engine, same_modules
from visuomotor.bench.study.order import Order
from visuomotor.bench.study.request import Block, Request
from visuomotor.bench.study.run import fill
from visuomotor.errors import ConfigError, Interrupted, MissingDependencyError

STARTS = (("interpolation", 800_000),)
FAMILY = "toys.study"


def request(work: Path, *methods: str, seeds: tuple[int, ...] = (0,)) -> Request:
    blocks = tuple(
        Block(method=(m,), seed=seeds, rollouts=1, region=("interpolation",)) for m in methods
    )
    return Request(FAMILY, blocks, STARTS, work / "work", work / "results")


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray", reason="make test-ray")
    options = {"include_dashboard": False, "log_to_driver": False, "runtime_env": same_modules()}
    ray.init(num_cpus=2, object_store_memory=10**8, **options)
    yield
    ray.shutdown()


def test_without_ray_the_install_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'visuomotor\[ray\]'"):
        ray_engine(2)


def test_cells_come_in_order_and_are_postponed_until_another_ends(tmp_path: Path) -> None:
    wanted = request(tmp_path, "good", "aside", "shares").wanted()
    order = Order(wanted)
    assert order.next() == (wanted[0], True)
    assert order.next() == (wanted[1], True)
    order.postpone(wanted[1])
    assert order.next() == (wanted[2], True)
    assert order.next() is None, "the other one gave up for these, which are in work"
    order.end()
    assert order.next() == (wanted[1], False), "nothing else to do: it may wait"
    assert order.left == 2
    order.end()
    order.end()
    assert not order


def test_a_postponed_cell_comes_alone_if_nothing_is_in_work(tmp_path: Path) -> None:
    (wanted,) = request(tmp_path, "good").wanted()
    order = Order([wanted])
    assert order.next() == (wanted, False)
    order.postpone(wanted)
    assert order.next() == (wanted, False)
    order.stop()
    assert order, "one is still in work"


@pytest.mark.usefixtures("cluster")
def test_tasks_fill_cells_and_one_that_fails_or_dies_costs_no_other(tmp_path: Path) -> None:
    asked = request(tmp_path, "dies", "refuses", "good", "aside")
    said: list[str] = []
    assert fill(asked, 2, said.append, engine=ray_engine(2)) == 2
    told = "\n".join(said)
    assert "dies-3-seed0: FAILED: WorkerCrashedError" in told
    assert "refuses-3-seed0: FAILED: too few demonstrations of anything" in told
    found = load_all(tmp_path / "results", FAMILY)
    assert [r.cell.method for r in found] == ["aside", "good"]
    assert [r.regions["interpolation"]["success"] for r in found] == [[0], [1]]
    assert fill(asked, 2, said.append, engine=ray_engine(2)) == 0, "they are tried again"
    assert load_all(tmp_path / "results", FAMILY)[0] == found[0], "what is there is not made again"


@pytest.mark.usefixtures("cluster")
def test_a_study_on_ray_that_is_stopped_goes_on_when_run_again(tmp_path: Path) -> None:
    asked = request(tmp_path, "endless", seeds=(20, 21, 22))
    stop, said = threading.Event(), list[str]()

    def should_stop() -> bool:
        if len(list((tmp_path / "work").glob("cells/*/*/*/training"))) == 2:
            stop.set()
        return stop.is_set()

    with pytest.raises(Interrupted, match="3 of 3 cells are missing; run it again to go on"):
        fill(asked, 2, said.append, should_stop, ray_engine(2))
    assert sum("stopped at" in line for line in said) == 2, "the third one was not begun"
    assert fill(asked, 2, said.append, engine=ray_engine(2)) == 1
    assert len(load_all(tmp_path / "results", FAMILY)) == 2


def test_an_address_where_nobody_answers_is_named() -> None:
    with pytest.raises(ConfigError, match=r"--address: got 127.0.0.1:1, where no Ray cluster"):
        connect(None, 1, "127.0.0.1:1")
