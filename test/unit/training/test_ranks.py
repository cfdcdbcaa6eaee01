"""Two processes that train together learn what one with the doubled batch learns."""

from __future__ import annotations

import contextlib
import csv
import multiprocessing
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visuomotor import ranks
from visuomotor.checkpoint import load_tensors
from visuomotor.commands.training import stop_on_interrupt
from visuomotor.errors import ConfigError, Interrupted
from visuomotor.policies.heads import HeadConfig
from visuomotor.training.bc import BcTrainingConfig, train_bc
from visuomotor.training.cloning import CloningConfig
from visuomotor.training.dealing import DealtGenerator, step_generators
from visuomotor.training.device import find_device

CONFIG = BcTrainingConfig(
    sight="truth_3d",
    objects=("cube",),
    head=HeadConfig(hidden=(16,), dropout=0.0),
    cloning=CloningConfig(steps=60, batch=32),
)
HALF = replace(CONFIG, cloning=CloningConfig(steps=60, batch=16))
STOPPED = 50


def as_torchrun_starts(number: int, port: int, demos: Path, out: Path, stop_after: int) -> None:
    """A process of two; the second one alone is told to stop. Exits with 130 then."""
    os.environ |= {
        "TORCHELASTIC_RUN_ID": "test",
        "RANK": str(number),
        "LOCAL_RANK": str(number),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    ranks.join()
    assert (ranks.number(), ranks.count(), ranks.first()) == (number, 2, number == 0)
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return number == 1 and asked >= stop_after

    with contextlib.suppress(Interrupted):
        train_bc(HALF, demos, out, should_stop=should_stop, device=find_device("cpu"))
        return
    os._exit(130)


def run_two(demos: Path, out: Path, stop_after: int) -> list[int | None]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([__name__, "visuomotor.training.bc"])  # torch is imported once
    processes = [
        server.Process(target=as_torchrun_starts, args=(i, port, demos, out, stop_after))
        for i in range(2)
    ]
    for p in processes:
        p.start()
    for p in processes:
        p.join(120)
        if p.exitcode is None:
            p.kill()
    return [p.exitcode for p in processes]


def curve(out: Path) -> list[list[float]]:
    rows = csv.DictReader((out / "progress.csv").open())
    return [[float(v) for k, v in row.items() if k != "seconds"] for row in rows]


def test_two_processes_learn_as_one_with_the_doubled_batch(demos: Path, tmp_path: Path) -> None:
    """They are interrupted between, and go on: both stop when one is told to, and one writes."""
    one, two = tmp_path / "one", tmp_path / "two"
    train_bc(CONFIG, demos, one)
    assert run_two(demos, two, STOPPED) == [130, 130]
    assert [p.name for p in (two / "state").glob("*.safetensors")] == [f"{STOPPED}.safetensors"]
    assert not (two / "config.yaml").exists()
    assert run_two(demos, two, 10_000) == [0, 0]
    assert not (two / "state").exists()
    assert [row[0] for row in curve(two)] == [50, 60]
    np.testing.assert_allclose(curve(two), curve(one), rtol=2e-5)
    expected = load_tensors(one / "weights.safetensors")
    for name, tensor in load_tensors(two / "weights.safetensors").items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=2e-6)
    assert {p.name for p in two.iterdir()} == {p.name for p in one.iterdir()}


def test_what_is_drawn_is_dealt_in_order() -> None:
    alone = np.random.default_rng([3, 5])
    parts = [DealtGenerator([3, 5], i, 2) for i in range(2)]

    def dealt(name: str, *arguments: object) -> list[np.ndarray]:
        return [getattr(p, name)(*arguments) for p in parts]

    np.testing.assert_array_equal(
        np.concatenate(dealt("integers", 1000, None, 8)), alone.integers(1000, size=16)
    )
    np.testing.assert_array_equal(
        np.concatenate(dealt("normal", 0, 0.1, (8, 3))), alone.normal(0, 0.1, (16, 3))
    )
    np.testing.assert_array_equal(np.concatenate(dealt("random", (8, 2))), alone.random((16, 2)))
    np.testing.assert_array_equal(
        np.concatenate(dealt("standard_normal", (8, 2), np.float32)),
        alone.standard_normal((16, 2), np.float32),
    )
    assert dealt("integers", 10) == [alone.integers(10)] * 2, "a single number is the same in all"
    chosen = alone.choice(9, 3, replace=False)
    for p in parts:
        np.testing.assert_array_equal(p.choice(9, 3, replace=False), chosen)
    low = np.zeros(20)
    a, b = dealt("integers", low, low + 1000)
    assert (a != b).any(), "their own bounds, their own numbers"
    singles = np.array([[p.choice(1000) for _ in range(20)] for p in parts])
    assert (singles[0] != singles[1]).any()
    np.testing.assert_array_equal(
        np.concatenate(dealt("integers", 1000, None, 4)), alone.integers(1000, size=8)
    )


def test_a_process_alone_draws_as_ever() -> None:
    rng, generator = step_generators(2, 7)
    np.testing.assert_array_equal(rng.random(4), np.random.default_rng([2, 7]).random(4))
    expected = torch.rand(3, generator=torch.Generator().manual_seed(2 * 1_000_003 + 7))
    assert torch.equal(torch.rand(3, generator=generator), expected)
    assert (ranks.number(), ranks.count()) == (0, 1)
    values = {"a": torch.tensor(2.0)}
    assert ranks.means(values, ("a", "b")) == {"a": 2.0}


def test_what_one_process_does_refuses_several(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks.refuse("train skill", "why")
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("RANK", "0"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r"train skill: got 2 processes .* why; start it without"):
        ranks.refuse("train skill", "why")
    monkeypatch.setenv("WORLD_SIZE", "1")
    ranks.refuse("train skill", "why")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_under_torchrun_signals_only_stop_however_many(sent: signal.Signals) -> None:
    before = signal.getsignal(sent)
    with stop_on_interrupt(launched=True) as should_stop:
        assert not should_stop()
        os.kill(os.getpid(), sent)
        os.kill(os.getpid(), sent)
        assert should_stop()
    assert signal.getsignal(sent) is before
