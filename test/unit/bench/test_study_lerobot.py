"""Methods that need LeRobot: told of where it is missing, and asked for what the study says."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from visuomotor.bench.study.lerobot_methods import ACT, BATCH, STEPS
from visuomotor.bench.study.lerobot_training import LeRobotTraining, _metrics
from visuomotor.bench.study.plan import Method, study_of
from visuomotor.bench.study.request import Block, Request
from visuomotor.bench.study.run import fill
from visuomotor.errors import MissingDependencyError

NEEDS_IT = {name for name, m in study_of("han").methods.items() if m.needs == "lerobot"}
STARTS = (("interpolation", 800_000), ("extrapolation", 820_000))


def test_what_is_not_there_is_named() -> None:
    Method("", dict).check()
    Method("", dict, needs="json").check()
    with pytest.raises(MissingDependencyError, match=r"make nowhere.*\.venv-nowhere/bin"):
        Method("", dict, needs="nowhere").check()


@pytest.mark.skipif(importlib.util.find_spec("lerobot") is not None, reason="LeRobot is here")
def test_its_cells_are_left_out_before_any_work(tmp_path: Path) -> None:
    blocks = (Block(("lift",), tuple(sorted(NEEDS_IT)), demonstrations=(2,), rollouts=1),)
    request = Request("han", blocks, STARTS, tmp_path / "work", tmp_path / "results")
    said: list[str] = []
    assert fill(request, 1, said.append) == len(NEEDS_IT) == 2
    assert sum("FAILED: this method needs lerobot" in line for line in said) == 2
    assert not (tmp_path / "work" / "datasets").exists()


def test_lerobot_is_asked_for_these_settings(tmp_path: Path) -> None:
    training = LeRobotTraining("act", STEPS, BATCH, 3, ACT)
    arguments = training.arguments(tmp_path / "lift", tmp_path / "run")
    assert len({a.partition("=")[0] for a in arguments}) == len(arguments)
    for expected in (
        "--policy.type=act",
        "--policy.pretrained_backbone_weights=null",
        "--policy.push_to_hub=false",
        "--policy.chunk_size=20",
        "--seed=3",
        f"--dataset.root={tmp_path / 'lift'}",
    ):
        assert expected in arguments


def test_metrics_are_read_from_its_log() -> None:
    line = (
        "INFO 2026-01-02 03:04:05 ot_train.py:341 step:2K smpl:16K ep:52 epch:1.04 loss:0.214 "
        "grdn:5.812 lr:1.0e-04 updt_s:0.901 data_s:0.012"
    )
    assert _metrics(line) == {"loss": 0.214, "grad_norm": 5.812}
    assert _metrics("Training:  12%|█▏ | 12/100 [00:01<00:08, 10.2step/s]") == {}


def test_checkpoints_fall_on_lines_of_the_log() -> None:
    with pytest.raises(ValueError, match=r"save_every 70; expected .* multiple of log_every"):
        LeRobotTraining("act", 10, 2, save_every=70)
