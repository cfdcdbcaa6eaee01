"""Sequences: what is after an episode's end, what is noise, and what stays as it was."""

import numpy as np
import pytest
import torch
from fork_episodes import DOWN, SPEC, STEP_M, forks
from tiny_episodes import tiny_episode

from visuomotor.dataset import Dataset
from visuomotor.geometry import apply_delta, pose_delta
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.cameras import ROBOT, ObservationEncoder
from visuomotor.training.cloning import labels_of
from visuomotor.training.image_augmentation import STRONG, ImageAugmentation, augment_images
from visuomotor.training.noise import disturbed
from visuomotor.training.samples import find_samples
from visuomotor.training.sequences import (
    SequenceNoise,
    SequenceSource,
    changed_images,
    encode,
    sequence_scales,
)

NONE = SequenceNoise(0.0, 0.0, 0.0, ImageAugmentation())


def test_sequences_show_the_episodes_steps_and_rest_after_their_end() -> None:
    dataset = forks(1)
    source = SequenceSource(dataset, 5)
    assert len(source) == 2 * 8, "one begins at every step"
    batch = source.draw(200, np.random.default_rng(0))
    beyond = 0
    for i in range(200):
        episode, first = dataset.episodes[batch.episode[i]], batch.first[i]
        for k in range(5):
            t = min(first + k, 7)
            assert (batch.color[0][i, k] == episode.color["front"][t]).all()
            np.testing.assert_array_equal(batch.T_base_ee[i, k], episode.T_base_ee[t])
            moves = np.linalg.norm(pose_delta(batch.T_base_ee[i, k], batch.target[i, k])[:3])
            assert moves == pytest.approx(0.0 if first + k > 7 else STEP_M)
            assert batch.target_width_m[i, k] == episode.action_width_m[t]
            beyond += first + k > 7
    assert beyond > 0
    assert batch.counts.all()


def test_a_step_without_a_target_does_not_count() -> None:
    acted = np.array([True, False, True, True])
    whole = np.array([True, True, False, True])
    spec = ObservationSpec((CameraSpec("front", 8, 8, depth=False),))
    dataset = Dataset(spec, [tiny_episode("e", acted, whole)])
    batch = SequenceSource(dataset, 4).draw(50, np.random.default_rng(0))
    counted = np.array([True, False, False, True, True, True, True])
    for first, counts in zip(batch.first, batch.counts, strict=True):
        np.testing.assert_array_equal(counts, counted[first : first + 4])


def test_noise_leaves_targets_where_they_are_in_the_world() -> None:
    samples = find_samples(forks(1))
    scales = sequence_scales(samples, SequenceNoise(), 0)
    rng = np.random.default_rng(1)
    noisy = disturbed(samples.T_base_ee, 0.01, 0.1, rng)
    delta, share = labels_of(noisy, samples.target, samples.target_width_m, scales)
    reached = apply_delta(noisy, (delta * scales.delta).double().numpy())
    np.testing.assert_allclose(reached, samples.target, atol=1e-6)
    assert (share[0], share[7]) == (1, 0)


def test_the_robots_state_has_no_unit() -> None:
    scales = sequence_scales(find_samples(forks(3)), SequenceNoise(), 0)
    assert scales.seen.shape == scales.spread.shape == (ROBOT,)
    assert float(scales.seen[0]) == pytest.approx(0.5, abs=0.01)
    np.testing.assert_allclose(scales.spread[0], 0.002, rtol=0.4)  # noise alone
    assert scales.spread[1] > 0.05, "to the sides it moves"


def test_noise_and_changed_images_change_what_is_encoded() -> None:
    dataset = forks(1)
    scales = sequence_scales(find_samples(dataset), NONE, 0)
    torch.manual_seed(0)
    encoder = ObservationEncoder(EncoderConfig("plain", width=4, points=3), 2)
    batch = SequenceSource(dataset, 3).draw(4, np.random.default_rng(0))

    def features(noise: SequenceNoise, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        rng = np.random.default_rng(seed)
        return encode(encoder.eval(), batch, scales, noise, rng, generator).features

    plain = features(NONE)
    assert plain.shape == (4, 3, 2 * 2 * 3 + ROBOT)
    torch.testing.assert_close(features(NONE, 1), plain)
    sight, robot = plain.split([12, ROBOT], -1)
    moved = features(SequenceNoise(augmentation=ImageAugmentation()))
    torch.testing.assert_close(moved[..., :12], sight)
    assert bool((moved[..., 12:] != robot).all(-1).all())
    changed = features(SequenceNoise(0, 0, 0, ImageAugmentation(brightness=0.5, shift=0.2)))
    torch.testing.assert_close(changed[..., 12:], robot)
    assert not torch.allclose(changed[..., :12], sight)


@pytest.mark.parametrize("alike", [1, 3])
def test_images_of_a_sequence_are_changed_alike(alike: int) -> None:
    """By every change there is; images of different sequences are changed differently."""
    image = torch.rand(1, 3, 20, 30) * 2 - 1
    generator = torch.Generator().manual_seed(0)
    changed = augment_images(image.repeat(12, 1, 1, 1), STRONG, generator, alike)
    groups = changed.reshape(-1, alike, 3, 20, 30)
    torch.testing.assert_close(groups, groups[:, :1].expand_as(groups))
    kinds = torch.unique(groups[:, 0].flatten(1), dim=0)
    assert len(kinds) == 12 // alike


def test_a_shift_repeats_the_border() -> None:
    image = np.zeros((60, 10, 10, 3), np.uint8)
    image[:, :, -1] = 255
    moved = changed_images(image, ImageAugmentation(shift=0.3), 1, torch.Generator().manual_seed(0))
    bright = (moved[:, 0, 0] > 0).sum(-1)  # columns of the right border, by image
    assert int(bright.min()) == 0
    assert int(bright.max()) == 4
    assert moved.is_contiguous(memory_format=torch.channels_last)


def test_all_cameras_come_in_their_order() -> None:
    batch = SequenceSource(forks(1), 2).draw(3, np.random.default_rng(0))
    assert len(batch.color) == len(SPEC.names)
    assert (batch.color[1] == 90).all()
    assert (batch.color[0] == 250).any()
    assert np.allclose(batch.T_base_ee[..., :3, :3], DOWN)
