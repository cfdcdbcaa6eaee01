"""Both loops on real demonstrations: checkpoints, progress, interruption and resumption."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from visuomotor.checkpoint import load_checkpoint
from visuomotor.config import save_yaml, to_mapping
from visuomotor.descriptors.config import DescriptorConfig, Workspace
from visuomotor.descriptors.model import load_descriptors
from visuomotor.errors import ConfigError, DataError, Interrupted
from visuomotor.observations import CameraSpec
from visuomotor.policies import load_policy
from visuomotor.policies.heads import HeadConfig
from visuomotor.training import FAMILIES, Progress, train
from visuomotor.training.cloning import CloningConfig
from visuomotor.training.dense import DenseTrainingConfig, train_dense
from visuomotor.training.descriptors import DescriptorTrainingConfig, train_descriptors
from visuomotor.training.loop import schedule

CAMERAS = (CameraSpec("front", 60, 80), CameraSpec("side", 60, 80))
DESCRIPTORS = DescriptorTrainingConfig(
    cameras=CAMERAS,
    model=DescriptorConfig(dimensions=4, width=8, keypoints=4),
    steps=8,
    pairs=2,
    matches=64,
)


@pytest.fixture(scope="session")
def descriptors(demos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained") / "descriptors"
    train_descriptors(DESCRIPTORS, demos, out)
    return out


@pytest.fixture(scope="session")
def dense(descriptors: Path) -> DenseTrainingConfig:
    return DenseTrainingConfig(
        descriptors=str(descriptors),
        head=HeadConfig(hidden=(32,)),
        cloning=CloningConfig(steps=120, batch=32),
        episodes=1,
    )


def after(calls: int) -> Callable[[], bool]:
    """A `should_stop` that says yes from its nth call on."""
    count = 0

    def should_stop() -> bool:
        nonlocal count
        count += 1
        return count >= calls

    return should_stop


class Until:
    """Ends a dense training after so many steps of its head, however long finding keypoints is."""

    def __init__(self, steps: int) -> None:
        self._left, self._training = steps, False

    def report(self, progress: Progress) -> None:
        self._training |= progress.stage == "find_keypoints" and progress.step == progress.total

    def should_stop(self) -> bool:
        self._left -= self._training  # its first time is the last of finding keypoints
        return self._left < 0


def train_until(step: int, config: DenseTrainingConfig, demos: Path, out: Path) -> None:
    until = Until(step)
    train_dense(config, demos, out, until.report, until.should_stop)


def weights(out: Path) -> bytes:
    return (out / "weights.safetensors").read_bytes()


def test_descriptors_become_a_checkpoint(descriptors: Path) -> None:
    model = load_descriptors(descriptors)
    assert model.spec.cameras == CAMERAS
    assert model.reference.shape == (4, 4)
    assert model.reference.isfinite().all()
    assert model.config == DESCRIPTORS.model
    card = (descriptors / "card.md").read_text()
    assert "8 steps of 2 pairs on 2 episodes" in card
    assert "median_px" in card
    assert not (descriptors / "state").exists()


def test_interrupted_descriptors_go_on_to_the_same_bits(
    demos: Path, descriptors: Path, tmp_path: Path
) -> None:
    out = tmp_path / "d"
    with pytest.raises(Interrupted, match="stopped after step 3 of 8; run it again to go on"):
        train_descriptors(DESCRIPTORS, demos, out, should_stop=after(3))
    assert (out / "state" / "3.safetensors").exists()
    assert not (out / "config.yaml").exists(), "what is unfinished is no checkpoint"
    with pytest.raises(Interrupted, match="after step 4"):
        train_descriptors(DESCRIPTORS, demos, out, should_stop=after(1))
    train_descriptors(DESCRIPTORS, demos, out)
    assert weights(out) == weights(descriptors)


def test_an_interrupted_policy_goes_on_to_the_same_bits(
    demos: Path, dense: DenseTrainingConfig, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    events: list[Progress] = []
    train_dense(dense, demos, whole, events.append)
    with pytest.raises(Interrupted, match="after step 70 of 120"):
        train_until(70, dense, demos, parts)
    train_dense(dense, demos, parts)
    assert weights(whole) == weights(parts)
    assert (whole / "normaliser.safetensors").read_bytes() == (
        parts / "normaliser.safetensors"
    ).read_bytes()
    for out in (whole, parts):
        rows = list(csv.DictReader((out / "progress.csv").open()))
        assert [int(r["step"]) for r in rows] == [50, 100, 120]
        assert all(np.isfinite(float(r[k])) for r in rows for k in ("loss", "delta", "width"))
    assert {e.stage for e in events} == {"describe_images", "find_keypoints", "train_policy"}
    assert events[-1].step == events[-1].total == 120
    losses = [e.metrics["loss"] for e in events if e.stage == "train_policy"]
    assert losses[-1] < losses[0]
    policy = load_policy(whole)
    assert policy.spec.cameras == CAMERAS
    assert load_checkpoint(whole).config["head"]["hidden"] == [32]


def test_another_configuration_starts_afresh(
    demos: Path, dense: DenseTrainingConfig, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        train_until(60, dense, demos, tmp_path)
    with pytest.raises(Interrupted, match="after step 2 of 120"):
        train_until(2, replace(dense, seed=1), demos, tmp_path)
    steps = (tmp_path / "progress.csv").read_text().splitlines()
    assert steps == ["step,seconds,loss,delta,width"], "no row of the other run stays"


def test_a_damaged_state_starts_afresh(
    demos: Path, dense: DenseTrainingConfig, tmp_path: Path
) -> None:
    with pytest.raises(Interrupted):
        train_until(60, dense, demos, tmp_path)
    path = tmp_path / "state" / "60.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(Interrupted, match="after step 5 of 120"):
        train_until(5, dense, demos, tmp_path)


def test_train_reads_a_yaml_file_and_overrides(
    demos: Path, dense: DenseTrainingConfig, descriptors: Path, tmp_path: Path
) -> None:
    file = tmp_path / "dense.yaml"
    save_yaml({"head": {"hidden": [8]}, "cloning": {"steps": 3, "batch": 16}}, file)
    train("dense", file, demos, tmp_path / "out", descriptors=str(descriptors))
    assert load_checkpoint(tmp_path / "out", "dense").config["head"]["hidden"] == [8]


def test_errors_of_configuration_say_what_to_do(demos: Path, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    with pytest.raises(ConfigError, match="unknown family 'dens'; did you mean 'dense'"):
        train("dens", None, demos, tmp_path)
    file.write_text("cloning: {learning_rat: 0.1}\n")
    with pytest.raises(
        ConfigError, match=r"c\.yaml: .*'learning_rat'; did you mean 'learning_rate"
    ):
        train("dense", file, demos, tmp_path)
    with pytest.raises(
        ConfigError, match=r"no `descriptors` folder given; train descriptors first"
    ):
        train("dense", None, demos, tmp_path)
    with pytest.raises(ConfigError, match="unexpected keyword argument 'descriptor'"):
        train("dense", None, demos, tmp_path, descriptor="x")
    file.write_text("cloning: {steps: 0}\n")
    with pytest.raises(ConfigError, match="got steps 0"):
        train("dense", file, demos, tmp_path)
    file.write_text("cameras: [{name: front}]\n")
    with pytest.raises(ConfigError, match="got 1 camera, expected at least 2"):
        train("descriptors", file, demos, tmp_path)


def unchanged(given: dict[str, Any], default: dict[str, Any]) -> list[str]:
    """The fields, nested ones too, that are given the value that they have anyway."""
    found = []
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(default[key], dict):
            found += [f"{key}.{k}" for k in unchanged(value, default[key])]
        elif value == default[key]:
            found.append(key)
    return found


def test_every_shipped_training_config_is_valid() -> None:
    import importlib

    from visuomotor.config import load_yaml

    folder = Path(__file__).parents[3] / "config"
    for family, prefix in (
        ("descriptors", "descriptors_"),
        ("dense", "policy_dense"),
        ("bc", "policy_bc"),
    ):
        module, name, _ = FAMILIES[family]
        files = sorted(folder.glob(f"{prefix}*.yaml"))
        assert files, f"config/{prefix}*.yaml"
        for file in files:
            config = load_yaml(getattr(importlib.import_module(module), name), file)
            given = yaml.safe_load(file.read_text()) or {}
            default = to_mapping(type(config)())
            same = unchanged(given, default)
            assert not same, f"{file.name}: {same} are the defaults, and a second list of them"


def test_datasets_that_cannot_serve_are_named(
    demos: Path, dense: DenseTrainingConfig, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="empty: no such folder; expected a dataset"):
        train_dense(dense, tmp_path / "empty", tmp_path / "o")
    with pytest.raises(DataError, match="no episode of task 'stack'"):
        train_dense(replace(dense, task="stack"), demos, tmp_path / "o")
    elsewhere = Workspace((0.25, -0.4, 0.5), (0.8, 0.4, 0.6))
    config = replace(DESCRIPTORS, model=replace(DESCRIPTORS.model, workspace=elsewhere), steps=1)
    with pytest.raises(DataError, match="no object stands above the table in the first set"):
        train_descriptors(config, demos, tmp_path / "o")
    missing = replace(DESCRIPTORS, cameras=(CAMERAS[0], CameraSpec("wrist", 60, 80)))
    with pytest.raises(DataError, match=r"unknown camera 'wrist'\. Known: front, side"):
        train_descriptors(missing, demos, tmp_path / "o")


def test_the_rate_warms_up_and_ends_at_zero() -> None:
    rates = np.array([schedule(n, 200) for n in range(200)])
    assert rates[0] == pytest.approx(0.1)
    assert rates.argmax() in (9, 10)
    assert rates.max() == pytest.approx(1.0)
    assert (np.diff(rates[10:]) < 0).all()
    assert 0 < rates[-1] < 1e-3
    assert torch.isfinite(torch.tensor([schedule(0, 1), schedule(1, 2)])).all()
