"""Descriptor sets: fixed ones stay, optimised ones move, end to end the network moves too."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from tiny_episodes import tiny_episode
from tiny_networks import DESCRIPTORS, FRONT, SIDE, files_of, write_descriptors

from visuomotor.checkpoint import load_checkpoint, load_tensors, sub_tensors
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.keypoints import locate_in_maps
from visuomotor.descriptors.model import DescriptorModel, load_descriptors
from visuomotor.errors import ConfigError, Interrupted
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies import load_policy
from visuomotor.policies.heads import HeadConfig, PolicyHead
from visuomotor.training import Progress, Report
from visuomotor.training.batches import camera_views
from visuomotor.training.cloning import CloningConfig, cloning_loss
from visuomotor.training.dense import DenseTrainingConfig, find_keypoints, train_dense
from visuomotor.training.descriptor_cache import DescriptorCache
from visuomotor.training.descriptor_sets import (
    DescriptorSight,
    LearnedSet,
    coarse_pixels,
    coarse_points,
)
from visuomotor.training.samples import find_samples, scales_of

Space = Literal["3d", "2d"]
Kind = Literal["fixed", "optimised", "end_to_end"]
SHORT = CloningConfig(steps=6, batch=8)


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_descriptors(tmp_path_factory.mktemp("descriptors") / "d")


@pytest.fixture(scope="module")
def config(descriptors: Path) -> DenseTrainingConfig:
    return DenseTrainingConfig(
        descriptors=str(descriptors),
        set_training=SHORT,
        episodes=1,
        head=HeadConfig(hidden=(16,)),
        cloning=SHORT,
    )


def tensors(out: Path) -> dict[str, torch.Tensor]:
    return sub_tensors(load_tensors(out / "weights.safetensors"), "descriptors.")


def moved(out: Path, descriptors: Path) -> tuple[bool, bool]:
    """Whether the reference, and whether the network is another than before."""
    before, after = load_tensors(descriptors / "weights.safetensors"), tensors(out)
    assert set(before) == set(after)
    same = {k: torch.equal(t, after[k]) for k, t in before.items()}
    return not same.pop("reference"), not all(same.values())


@pytest.mark.parametrize("space", ["3d", "2d"])
def test_each_set_learns_what_it_says(
    demos: Path, config: DenseTrainingConfig, descriptors: Path, space: Space, tmp_path: Path
) -> None:
    wanted: dict[Kind, tuple[bool, bool]]
    wanted = {"fixed": (False, False), "optimised": (True, False), "end_to_end": (True, True)}
    for kind, expected in wanted.items():
        chosen = replace(config, descriptor_set=kind, space=space)
        stages = stages_of(partial(train_dense, chosen, demos, tmp_path / kind))
        assert moved(tmp_path / kind, descriptors) == expected, kind
        assert ("train_descriptor_set" in stages) == (kind != "fixed")
        assert load_checkpoint(tmp_path / kind).config["space"] == space
    policy = load_policy(tmp_path / "optimised")
    cameras = (FRONT, SIDE) if space == "3d" else (replace(FRONT, depth=False),)
    assert policy.spec.cameras == cameras


class Optimising:
    """The loss of a head that is not learned, as a function of the reference descriptors."""

    def __init__(self, demos: Path, model: DescriptorModel, space: str) -> None:
        dataset = open_dataset(demos, model.spec)
        self.samples = find_samples(dataset)
        self.learned = LearnedSet(model.reference, None)
        maps = DescriptorCache(demos / ".cache", model, dataset).at
        self.sight = DescriptorSight(model, dataset, self.samples, space, maps, self.learned)
        self.scales = scales_of(self.samples, self.sight.shape, 0, 0)
        torch.manual_seed(0)
        self.head = PolicyHead(HeadConfig(hidden=(16,), dropout=0.0), self.sight.shape)

    def loss(self) -> torch.Tensor:
        rows = np.arange(0, len(self.samples), 9)
        seen = self.sight.look(rows, torch.Generator())
        quiet = CloningConfig(
            noise_position_m=0, noise_rotation_rad=0, noise_width_m=0, noise_point_m=0
        )
        rng, every = np.random.default_rng(0), np.ones(len(rows), bool)
        return cloning_loss(self.head, seen, self.samples, rows, every, self.scales, quiet, rng)[0]

    def descend(self, step: float) -> float:
        """The loss before one step of this length down its gradient."""
        loss = self.loss()
        (gradient,) = torch.autograd.grad(loss, self.learned.reference)
        with torch.no_grad():
            self.learned.reference.sub_(step * gradient / gradient.norm())
        return float(loss.detach())


@pytest.mark.parametrize("space", ["3d", "2d"])
def test_an_optimised_reference_lowers_the_loss(demos: Path, descriptors: Path, space: str) -> None:
    """With a head that is not learned: what falls is the reference's doing."""
    model = load_descriptors(descriptors)
    near = Optimising(demos, model, space)
    before = near.descend(1e-3)  # near a peak the loss may jump when another one is greatest
    assert float(near.loss().detach()) < before
    smooth = replace(model, config=replace(model.config, radius_m=0.0, radius_px=0.0))
    whole = Optimising(demos, smooth, space)
    losses = [whole.descend(0.05) for _ in range(15)]
    assert (np.diff(losses) < 0).mean() > 0.8
    assert losses[-1] < losses[0] - 0.005


class Until:
    """Ends a training after so many steps of its descriptor set."""

    def __init__(self, steps: int, described: int) -> None:
        self._left, self._described = steps, described

    def report(self, progress: Progress) -> None:
        self._described -= progress.stage == "describe_images"

    def should_stop(self) -> bool:
        if self._described <= 0:
            self._left -= 1
        return self._left < 0


@pytest.mark.parametrize("kind", ["optimised", "end_to_end"])
def test_interrupted_set_training_goes_on_to_the_same_bits(
    demos: Path, config: DenseTrainingConfig, kind: Kind, tmp_path: Path
) -> None:
    chosen = replace(config, descriptor_set=kind)
    train_dense(chosen, demos, tmp_path / "whole")
    until = Until(3 - (kind == "end_to_end"), 0 if kind == "end_to_end" else 1)
    with pytest.raises(Interrupted, match="train_descriptor_set: stopped after step 3 of 6"):
        train_dense(chosen, demos, tmp_path / "parts", until.report, until.should_stop)
    assert not (tmp_path / "parts" / "config.yaml").exists()
    train_dense(chosen, demos, tmp_path / "parts")
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "whole")
    stages = stages_of(partial(train_dense, chosen, demos, tmp_path / "parts"))
    assert "train_descriptor_set" not in stages, "what is learned is kept"


def stages_of(training: Callable[[Report], None]) -> set[str]:
    stages: set[str] = set()
    training(lambda progress: stages.add(progress.stage))
    return stages


def test_another_run_learns_its_own_set(
    demos: Path, config: DenseTrainingConfig, tmp_path: Path
) -> None:
    """A set that other settings learned is not taken for this one; another head's training is."""
    optimised = replace(config, descriptor_set="optimised")
    train_dense(optimised, demos, tmp_path)
    first = tensors(tmp_path)["reference"]
    longer = replace(optimised, cloning=replace(SHORT, steps=8))
    stages = stages_of(partial(train_dense, longer, demos, tmp_path))
    assert "train_descriptor_set" not in stages
    assert torch.equal(tensors(tmp_path)["reference"], first)
    train_dense(replace(optimised, set_training=replace(SHORT, steps=9)), demos, tmp_path)
    assert not torch.equal(tensors(tmp_path)["reference"], first)


def test_an_lstm_learns_a_set_too(
    demos: Path, config: DenseTrainingConfig, descriptors: Path, tmp_path: Path
) -> None:
    head = HeadConfig("lstm", (16,), units=8)
    train_dense(replace(config, head=head, descriptor_set="optimised"), demos, tmp_path)
    assert moved(tmp_path, descriptors) == (True, False)


def test_the_coarse_points_are_near_the_fine_ones(demos: Path, descriptors: Path) -> None:
    """What is learned on cells is what the policy then finds among pixels, within a cell or so."""
    model = load_descriptors(descriptors)
    dataset = open_dataset(demos, model.spec)
    steps = np.array([(e, t) for e in range(len(dataset)) for t in range(0, 40, 8)])
    config = replace(DESCRIPTORS, radius_m=0.0, radius_px=0.0, pixel_step=1)
    views = [camera_views(dataset, name, steps) for name in model.spec.names]
    with torch.no_grad():
        maps = [model.network.describe(v.color) for v in views]
        grid = model.network.grid
        coarse = coarse_points(maps, views, model.reference, grid, config)
        fine = locate_in_maps(maps, views, model.reference, grid, config).points
        pixels = coarse_pixels(maps[0], model.reference, grid, config)
    assert coarse.shape == fine.shape == (len(steps), 4, 3)
    assert float((coarse - fine).norm(dim=-1).median()) < 0.03
    low, high = torch.tensor(config.workspace.low), torch.tensor(config.workspace.high)
    assert ((coarse >= low) & (coarse <= high)).all()
    assert ((pixels >= 0) & (pixels <= torch.tensor([79, 59]))).all()


def test_without_depth_the_coarse_points_are_the_boxs_middle(descriptors: Path) -> None:
    model, dataset = load_descriptors(descriptors), blinking(4)
    views = camera_views(dataset, "front", np.array([(0, 0), (0, 1)]))
    with torch.no_grad():
        maps = model.network.describe(views.color)
        grid, config = model.network.grid, model.config
        points = coarse_points([maps], [views], model.reference, grid, config)
    middle = torch.tensor(np.mean([config.workspace.low, config.workspace.high], axis=0))
    torch.testing.assert_close(points[0], middle.float().expand(4, 3), atol=1e-5, rtol=0)
    assert not torch.allclose(points[1], middle.float().expand(4, 3), atol=0.01)


def blinking(every: int) -> Dataset:
    """Twelve steps, of which every n-th has no depth at all."""
    episode = tiny_episode("blinking", np.ones(12, bool))
    depth = episode.depth_mm["front"].copy()
    depth[::every] = 0
    spec = ObservationSpec((CameraSpec("front", 8, 8),))
    return Dataset(spec, [replace(episode, depth_mm={"front": depth})])


def test_blind_steps_have_no_keypoints_in_space(descriptors: Path, tmp_path: Path) -> None:
    dataset = blinking(3)
    model = replace(load_descriptors(descriptors), spec=dataset.spec)
    samples = find_samples(dataset)
    cache = DescriptorCache(tmp_path, model, dataset)
    points = find_keypoints(model, dataset, samples, cache, "3d")
    assert points.shape == (12, 4, 3)
    seen = points.isfinite().flatten(1).all(1)
    assert seen.tolist() == [t % 3 != 0 for t in range(12)]
    features = find_keypoints(model, dataset, samples, cache, "2d")
    assert features.shape == (12, 8)
    assert (features.abs() <= 1).all(), "an image has no holes"


def test_cameras_that_cannot_serve_are_named(
    demos: Path, config: DenseTrainingConfig, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"unknown camera 'wrist'\. Known: front, side"):
        train_dense(replace(config, cameras=("wrist",)), demos, tmp_path)
    both = replace(config, cameras=("front", "side"), space="2d")
    with pytest.raises(ConfigError, match="in 2-D, expected one"):
        train_dense(both, demos, tmp_path)
    train_dense(replace(config, cameras=("side",)), demos, tmp_path)
    assert load_policy(tmp_path).spec.names == ("side",)
