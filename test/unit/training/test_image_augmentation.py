"""Random changes of images: what each does, what none does, and that a seed decides them."""

from dataclasses import fields, replace

import pytest
import torch

from visuomotor.training.image_augmentation import STRONG, ImageAugmentation, augment_images

NONE = ImageAugmentation()


def images(n: int = 6) -> torch.Tensor:
    return torch.rand(n, 3, 24, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def changed(config: ImageAugmentation, seed: int = 0, n: int = 6) -> torch.Tensor:
    return augment_images(images(n), config, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", [f.name for f in fields(ImageAugmentation)])
def test_each_changes_images_alone_and_differently(name: str) -> None:
    config = replace(NONE, **{name: 0.5 if name != "convolution" else 1.0})
    twice = images(1).repeat(6, 1, 1, 1)
    moved = augment_images(twice, config, torch.Generator().manual_seed(0))
    assert moved.shape == twice.shape
    assert float(moved.abs().max()) <= 1 + 1e-6
    different = {tuple(image.flatten().tolist()) for image in moved}
    assert len(different) == 2 if name == "flip" else len(different) > 2


def test_a_seed_decides_and_none_is_none() -> None:
    torch.testing.assert_close(changed(STRONG, 3), changed(STRONG, 3))
    assert not torch.equal(changed(STRONG, 3), changed(STRONG, 4))
    assert torch.equal(changed(NONE), images())


def test_a_shift_moves_by_whole_pixels_within_its_bound() -> None:
    """Every image is found again in its padded original, at most 6 columns and 5 rows away."""
    moved = changed(replace(NONE, shift=0.2), n=8)
    padded = torch.nn.functional.pad(images(8), (6, 6, 5, 5), mode="replicate")
    places = []
    for one, original in zip(moved, padded, strict=True):
        there = [
            (v, u)
            for v in range(11)
            for u in range(13)
            if torch.equal(original[:, v : v + 24, u : u + 32], one)
        ]
        assert len(there) == 1
        places += there
    assert len(set(places)) > 4


def test_a_cutout_is_one_rectangle_of_one_colour() -> None:
    moved = changed(replace(NONE, cutout=1.0))
    for one, original in zip(moved, images(), strict=True):
        cut = (one != original).any(0)
        rows, columns = cut.any(1).nonzero().flatten(), cut.any(0).nonzero().flatten()
        if not len(rows):
            continue  # it was thinner than a pixel
        inside = one[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert float((inside - inside[:, :1, :1]).abs().max()) == 0
        assert int(cut.sum()) == len(rows) * len(columns)
        assert len(rows) <= 13
        assert len(columns) <= 17


def test_a_grey_image_has_no_saturation_to_change() -> None:
    grey = images()[:, :1].expand(-1, 3, -1, -1)
    kept = augment_images(grey, replace(NONE, saturation=1.0), torch.Generator().manual_seed(0))
    torch.testing.assert_close(kept, grey)


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cutout=1\.5.*expected values in \[0, 1\]"):
        ImageAugmentation(cutout=1.5)
