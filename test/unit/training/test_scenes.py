"""Masks by background subtraction, batches of pairs, and the choice of reference descriptors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.config import DescriptorConfig, Workspace
from visuomotor.descriptors.keypoints import descriptors_at, select_pixels
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.training.batches import valid_steps
from visuomotor.training.correspondences import pair_batch
from visuomotor.training.descriptor_config import DescriptorTrainingConfig
from visuomotor.training.reference import mean_confidence, reference_descriptors
from visuomotor.training.scenes import Scenes, empty_depths, empty_episode

SPEC = ObservationSpec((CameraSpec("front", 60, 80), CameraSpec("side", 60, 80)))
WORKSPACE = Workspace()


@pytest.fixture(scope="module")
def dataset(demos: Path) -> Dataset:
    return open_dataset(demos, SPEC)


@pytest.fixture(scope="module")
def first(dataset: Dataset) -> np.ndarray:
    """The first set of every episode: the hand is away from the cube."""
    return np.array([[e, 0] for e in range(len(dataset))])


def test_background_subtraction_finds_what_stands_above_the_table(
    dataset: Dataset, first: np.ndarray
) -> None:
    """The cube is elsewhere in every episode, so the farthest of all steps is the empty table."""
    by_height = Scenes(dataset, WORKSPACE)
    by_difference = Scenes(dataset, WORKSPACE, empty_depths(dataset))
    for camera in SPEC.names:
        one, other = (scenes.at(camera, first).objects for scenes in (by_height, by_difference))
        both, either = (one & other).sum(), (one | other).sum()
        assert one.sum() > 20 * len(first)
        assert both > 0.7 * either


def test_an_episode_of_the_empty_scene_is_a_background_too(
    dataset: Dataset, demos: Path, first: np.ndarray, tmp_path: Path
) -> None:
    whole = demos / "lift" / dataset.episodes[0].name
    recorded = empty_episode(whole, dataset)
    assert [e.name for e in recorded.episodes] == [whole.name]
    others = Scenes(dataset, WORKSPACE, empty_depths(recorded)).at("front", first[1:]).objects
    by_height = Scenes(dataset, WORKSPACE).at("front", first[1:]).objects
    assert (others & by_height).sum() > 0.7 * (others | by_height).sum()
    one = Dataset(
        SPEC, [replace(recorded.episodes[0], valid=np.arange(len(recorded.episodes[0])) < 1)]
    )
    same = Scenes(one, WORKSPACE, empty_depths(one)).at("front", first[:1])
    assert not same.foreground.any(), "an image differs nowhere from itself"
    with pytest.raises(DataError, match="no such episode; expected the folder of one"):
        empty_episode(tmp_path / "none", dataset)


def test_a_camera_that_moves_has_no_empty_image(dataset: Dataset) -> None:
    episode = dataset.episodes[0]
    poses = {c: np.repeat(p[None], len(episode), 0) for c, p in episode.T_base_camera.items()}
    moving = Dataset(SPEC, [replace(episode, T_base_camera=poses)])
    with pytest.raises(DataError, match="camera front moves: its empty scene is not one image"):
        empty_depths(moving)


def test_an_empty_scene_needs_the_foreground_that_uses_it() -> None:
    with pytest.raises(ValueError, match="expected foreground: background_subtraction"):
        DescriptorTrainingConfig(empty="x")


def test_matches_of_a_batch_show_the_same_points_in_both_images(dataset: Dataset) -> None:
    """What a match shows in one augmented image, it shows in the other; backgrounds have none."""
    config = DescriptorTrainingConfig(cameras=SPEC.cameras, matches=256)
    config = replace(config, augmentation=replace(config.augmentation, background=0.5))
    scenes = Scenes(dataset, WORKSPACE)
    steps = valid_steps(dataset)[::40]
    a, b = (scenes.at(camera, steps) for camera in SPEC.names)
    batch = pair_batch(a, b, config, torch.Generator().manual_seed(0))
    matches = batch.matches
    only_a, only_b = matches.known_only()
    assert matches.pixels_a.shape == (len(steps), 256, 2)
    assert not (matches.valid & (only_a | only_b)).any()
    assert min(int(f.sum()) for f in (matches.valid, only_a, only_b)) > 20
    one, other = batch.cell_scenes((60, 80), 1)  # a cell is a pixel: what each of them shows
    for scene, pixels, seen in zip(
        (one, other), (matches.pixels_a, matches.pixels_b), batch.seen, strict=True
    ):
        u, v = pixels.round().long().unbind(-1)
        index = v.clamp(0, 59) * 80 + u.clamp(0, 79)
        rows = torch.arange(len(steps))[:, None]
        near = (scene.points[rows, index] - matches.points).norm(dim=-1)
        known = matches.valid & scene.measured[rows, index]
        assert known.sum() > 0.8 * matches.valid.sum()
        assert near[known].median() < 0.01
        assert seen.replaced.any()
        on_background = ~scene.objects[rows, index] & (matches.points[..., 2] < 1e-3)
        assert not (matches.valid & on_background & seen.replaced[:, None]).any()


class _Colors(DescriptorNetwork):
    """Describes every cell by its colour."""

    def describe(self, color: torch.Tensor) -> torch.Tensor:
        return 0.2 * torch.nn.functional.avg_pool2d(color.permute(0, 3, 1, 2).float(), 4)


def test_reference_descriptors_are_found_more_surely_than_any_spread_ones(
    dataset: Dataset, first: np.ndarray
) -> None:
    config = DescriptorConfig(dimensions=3, keypoints=4, width=8)
    scenes, network = Scenes(dataset, WORKSPACE), _Colors(config)
    reference = reference_descriptors(network, scenes, config, seed=0)
    assert torch.equal(reference, reference_descriptors(network, scenes, config, seed=0))
    counts = [int(scenes.at(c, first).objects.flatten(1).sum(1).max()) for c in SPEC.names]
    scene = scenes.at(SPEC.names[int(np.argmax(counts))], first)
    best = int(scene.objects.flatten(1).sum(1).argmax())
    pixels = select_pixels(scene.points[best], scene.objects[best], 4)
    plain = descriptors_at(network, scene.views.color[best : best + 1], pixels[None])[0]
    ours, theirs = (mean_confidence(network, d, scenes, config, 0) for d in (reference, plain))
    assert ours.min() > theirs.min()
    elsewhere = Scenes(dataset, replace(WORKSPACE, low=(0.25, -0.4, 0.5)))
    with pytest.raises(DataError, match="no object stands above the table in the first set"):
        reference_descriptors(network, elsewhere, config, seed=0)
