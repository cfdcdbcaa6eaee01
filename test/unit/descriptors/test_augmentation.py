"""What augmentation moves where, and what it leaves alone."""

from dataclasses import replace

import pytest
import torch
from box_scene import CAMERA, FRONT, all_pixels, view_of

from visuomotor.descriptors.augmentation import AugmentationConfig, augment, unchanged
from visuomotor.networks import cell_pixels, normalise_color, sample_map

STILL = AugmentationConfig(0.0, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def coordinates() -> torch.Tensor:
    """(2, 3, 72, 96) images whose channels are u, v and 0, within [-0.75, 0.75]."""
    pixels = cell_pixels(72, 96, 1).T.reshape(1, 2, 72, 96)
    scaled = pixels / 64 - 0.75
    return torch.cat([scaled, torch.zeros(1, 1, 72, 96)], 1).repeat(2, 1, 1, 1)


def test_pixels_move_where_the_image_content_goes() -> None:
    images = coordinates()
    config = replace(STILL, rotation_deg=40.0, scale=(0.7, 1.4), shear_deg=15.0, shift=0.2)
    foreground = torch.ones(2, 72, 96, dtype=torch.bool)
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        seen = augment(images, foreground, config, generator)
        pixels = torch.rand(2, 200, 2, generator=generator) * torch.tensor([95.0, 71.0])
        moved, inside = seen.move(pixels)
        inner = ((moved > 1) & (moved < torch.tensor([94.0, 70.0]))).all(-1) & inside
        assert inner.sum() > 50
        content = (sample_map(seen.images[:, :2], moved) + 0.75) * 64
        assert (content - pixels)[inner].abs().max() < 0.5
        torch.testing.assert_close(seen.origin(moved), pixels, atol=1e-3, rtol=0)
        assert not torch.allclose(seen.matrix[0], seen.matrix[1]), "each image its own"


def test_inside_says_which_pixels_left_the_image() -> None:
    images, foreground = coordinates(), torch.ones(2, 72, 96, dtype=torch.bool)
    seen = augment(images, foreground, replace(STILL, shift=0.4), torch.Generator().manual_seed(3))
    moved, inside = seen.move(all_pixels().float().expand(2, -1, -1))
    limits = torch.tensor([CAMERA.width - 1.0, CAMERA.height - 1.0])
    assert torch.equal(inside, ((moved >= 0) & (moved <= limits)).all(-1))
    assert 0.1 < float(inside.float().mean()) < 0.99


def test_nothing_changes_without_ranges() -> None:
    images, foreground = coordinates(), torch.zeros(2, 72, 96, dtype=torch.bool)
    seen = augment(images, foreground, STILL, torch.Generator().manual_seed(0))
    torch.testing.assert_close(seen.images, images, atol=1e-4, rtol=0)
    pixels = all_pixels().float().expand(2, -1, -1)
    torch.testing.assert_close(seen.move(pixels)[0], pixels)
    torch.testing.assert_close(unchanged(images).move(pixels)[0], pixels)


def test_a_random_background_leaves_the_foreground_alone() -> None:
    view = view_of(FRONT)
    images = normalise_color(view.color).repeat(8, 1, 1, 1)
    foreground = torch.zeros(8, 72, 96, dtype=torch.bool)
    foreground[:, 20:50, 30:60] = True
    seen = augment(
        images, foreground, replace(STILL, background=0.5), torch.Generator().manual_seed(1)
    )
    change = (seen.images - images).abs().amax(1)
    assert change[:, 22:48, 32:58].max() < 1e-4
    changed = change[~foreground].reshape(8, -1).mean(1) > 0.05
    assert torch.equal(changed, seen.replaced)
    assert 1 <= int(changed.sum()) <= 7, "of some images, not of all"


def test_colours_change_per_image_within_bounds() -> None:
    images = coordinates()
    config = replace(STILL, brightness=0.3, contrast=0.3, tint=0.2)
    seen = augment(
        images, torch.ones(2, 72, 96, dtype=torch.bool), config, torch.Generator().manual_seed(0)
    )
    assert seen.images.abs().max() <= 1
    assert (seen.images[0] - seen.images[1]).abs().max() > 0.02
    gain = (seen.images[0, 0, 0, 60] - seen.images[0, 0, 0, 30]) / (
        images[0, 0, 0, 60] - images[0, 0, 0, 30]
    )
    assert 0.7 * 0.8 - 1e-3 <= float(gain) <= 1.3 * 1.2 + 1e-3


def test_the_same_seed_gives_the_same_augmentation() -> None:
    images, foreground = coordinates(), torch.zeros(2, 72, 96, dtype=torch.bool)
    one, two, other = (
        augment(images, foreground, AugmentationConfig(), torch.Generator().manual_seed(s))
        for s in (4, 4, 5)
    )
    assert torch.equal(one.images, two.images)
    assert not torch.equal(one.matrix, other.matrix)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 < low <= high"):
        AugmentationConfig(scale=(1.2, 0.8))
