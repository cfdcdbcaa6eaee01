"""The target distribution, the losses at known inputs, and what augmentation moves where."""

from dataclasses import replace

import pytest
import torch
from box_scene import CAMERA, FRONT, SIDE, all_pixels, view_of

from visuomotor.descriptors.augmentation import AugmentationConfig, augment, unchanged
from visuomotor.descriptors.losses import LossConfig, correspondence_loss, gaussian_target
from visuomotor.descriptors.matching import Matches, MatchTolerances, find_matches
from visuomotor.networks import cell_pixels, normalise_color, pixels_to_cells, sample_map

STILL = AugmentationConfig(0.0, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.0])
def test_the_target_is_a_distribution_with_its_mean_at_the_pixel(sigma: float) -> None:
    pixels = torch.tensor([[40.0, 30.0], [41.3, 27.9], [55.0, 44.4]])
    target = gaussian_target(pixels, 18, 24, 4, sigma)
    assert target.shape == (3, 18 * 24)
    torch.testing.assert_close(target.sum(-1), torch.ones(3))
    torch.testing.assert_close(target @ cell_pixels(18, 24, 4), pixels, atol=0.05, rtol=0)
    variance = (target * (cell_pixels(18, 24, 4)[None] - pixels[:, None]).square().sum(-1)).sum(-1)
    torch.testing.assert_close(variance, torch.full((3,), 2 * (4 * sigma) ** 2), rtol=0.05, atol=0)


def test_at_the_border_the_target_still_sums_to_one() -> None:
    corner = torch.tensor([[0.0, 0.0], [95.0, 71.0]])
    target = gaussian_target(corner, 18, 24, 4, 1.0)
    torch.testing.assert_close(target.sum(-1), torch.ones(2))
    assert target.argmax(-1).tolist() == [0, 18 * 24 - 1]


def maps_that_match(sharpness: float) -> torch.Tensor:
    """(1, 2, 18, 24): every cell described by its own place."""
    return sharpness * cell_pixels(18, 24, 4).T.reshape(1, 2, 18, 24) / 4


def identity_matches() -> Matches:
    pixels = cell_pixels(18, 24, 4)[None]
    valid = torch.ones(1, pixels.shape[1], dtype=torch.bool)
    return Matches(pixels, pixels, valid, torch.zeros(1, pixels.shape[1], 3))


def test_maps_that_correspond_cost_nothing_and_others_do() -> None:
    """|d - d*|^2 = |cell - cell*|^2 / 2 is exactly the Gaussian of one cell."""
    maps = maps_that_match(0.5**0.5)
    loss = correspondence_loss(maps, maps, identity_matches(), 4, LossConfig())
    assert abs(float(loss.distribution)) < 1e-4
    shuffled = maps.flatten(2)[..., torch.randperm(18 * 24)].reshape(maps.shape)
    worse = correspondence_loss(maps, shuffled, identity_matches(), 4, LossConfig())
    assert worse.distribution > 5
    assert worse.expectation > 5 * loss.expectation
    torch.testing.assert_close(worse.total, worse.distribution + worse.expectation)


def test_the_loss_is_symmetric_and_weighted() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(1, 4, 18, 24, generator=generator) for _ in range(2))
    matches = find_matches(view_of(FRONT), view_of(SIDE), all_pixels(), MatchTolerances())
    there = correspondence_loss(a, b, matches, 4, LossConfig())
    back = correspondence_loss(b, a, matches.flipped(), 4, LossConfig())
    torch.testing.assert_close(there.total, back.total)
    weighted = correspondence_loss(a, b, matches, 4, LossConfig(1.0, 2.0, 0.0))
    torch.testing.assert_close(weighted.total, 2 * there.distribution)


def test_invalid_matches_have_no_say_and_none_at_all_cost_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(1, 4, 18, 24, generator=generator, requires_grad=True)
    good = identity_matches()
    half = good.valid & (torch.arange(18 * 24) % 2 == 0)
    few = correspondence_loss(maps, maps, replace(good, valid=half), 4, LossConfig())
    moved = torch.where(half[..., None], good.pixels_b, torch.zeros_like(good.pixels_b))
    same = correspondence_loss(
        maps, maps, replace(good, pixels_b=moved, valid=half), 4, LossConfig()
    )
    torch.testing.assert_close(few.total, same.total)
    none = correspondence_loss(
        maps, maps, replace(good, valid=torch.zeros_like(half)), 4, LossConfig()
    )
    assert none.total == 0
    none.total.backward()
    assert maps.grad is None or maps.grad.abs().max() == 0


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
    with pytest.raises(ValueError, match="sigma_cells 0"):
        LossConfig(sigma_cells=0)


def test_pixels_at_cell_centres_read_that_cell() -> None:
    """The chain of the loss: pixel -> cell -> descriptor -> expected pixel is the identity."""
    maps = maps_that_match(3.0)
    pixels = cell_pixels(18, 24, 4)[None]
    queries = sample_map(maps, pixels_to_cells(pixels, 4))
    torch.testing.assert_close(queries[0], maps[0].flatten(1).T, atol=1e-4, rtol=1e-4)
