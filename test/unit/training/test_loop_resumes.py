"""The shared loop: a killed run goes on to the result of an undisturbed one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visuomotor.training.cloning import CloningConfig
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Progress, ProgressFile

STEPS = 30


class Killed(Exception):
    """Stands for a kill: nothing is saved on the way out."""


class Run:
    """A regression with dropout and random batches, which can be killed at a step."""

    def __init__(self, out: Path) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
        self.out = out
        self.calls = 0
        self.reports: list[Progress] = []

    def go(self, kill_after: int | None = None) -> None:
        def step(
            rng: np.random.Generator, generator: torch.Generator
        ) -> tuple[Tensor, dict[str, Tensor]]:
            if self.calls == kill_after:
                raise Killed
            self.calls += 1
            x = torch.randn(16, 4, generator=generator)
            target = x.sum(1, keepdim=True) + float(rng.normal(0, 0.1))
            loss = (self.model(x) - target).square().mean()
            return loss, {"loss": loss}

        optimise(
            "toy",
            self.model,
            step,
            CloningConfig(STEPS, learning_rate=0.01, weight_decay=0.0),
            seed=3,
            out=self.out,
            key="toy",
            metrics=("loss",),
            report=self.reports.append,
            should_stop=lambda: False,
            report_every=5,
            save_every=7,
        )

    def weights(self) -> np.ndarray:
        return torch.cat([p.detach().flatten() for p in self.model.parameters()]).numpy()


def steps_in(csv: Path) -> list[int]:
    lines = csv.read_text().splitlines()
    assert lines[0].startswith("step,seconds,loss")
    return [int(line.split(",")[0]) for line in lines[1:]]


def folder(tmp_path: Path, name: str) -> Path:
    (tmp_path / name).mkdir()
    return tmp_path / name


def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = Run(folder(tmp_path, "whole"))
    whole.go()
    killed = Run(folder(tmp_path, "killed"))
    with pytest.raises(Killed):
        killed.go(kill_after=18)
    resumed = Run(killed.out)
    resumed.go()
    assert resumed.calls == STEPS - 14  # from the last save, after step 14
    np.testing.assert_array_equal(resumed.weights(), whole.weights())
    assert steps_in(killed.out / "progress.csv") == steps_in(whole.out / "progress.csv")


def test_reports_end_at_the_total_with_nothing_left(tmp_path: Path) -> None:
    run = Run(folder(tmp_path, "run"))
    run.go()
    last = run.reports[-1]
    assert (last.stage, last.step, last.total) == ("toy", STEPS, STEPS)
    assert last.eta_s == 0
    assert last.metrics["loss"] < run.reports[0].metrics["loss"]


def test_a_progress_file_goes_on_after_the_step_it_resumes_from(tmp_path: Path) -> None:
    first = ProgressFile(tmp_path, ("loss", "delta"), 0)
    for step in (10, 20, 30):
        first.add(step, {"loss": 1 / step, "delta": 2.0})
    ProgressFile(tmp_path, ("loss", "delta"), 20).add(25, {"loss": 0.5})
    rows = (tmp_path / "progress.csv").read_text().splitlines()
    assert rows == ["step,loss,delta", "10,0.1,2", "20,0.05,2", "25,0.5,"]
    ProgressFile(tmp_path, ("loss",), 0)
    assert (tmp_path / "progress.csv").read_text() == "step,loss\n"
