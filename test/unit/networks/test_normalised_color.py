"""Colours as a network takes them."""

import torch

from visuomotor.networks import normalise_color


def test_every_grey_is_where_it_should_be_and_the_image_is_left_alone() -> None:
    grey = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1)
    color = grey.expand(-1, -1, -1, 3).contiguous()
    before = color.clone()
    seen = normalise_color(color)
    assert seen.shape == (1, 3, 16, 16)
    expected = torch.arange(256, dtype=torch.float32) / 127.5 - 1.0
    for channel in range(3):
        assert torch.equal(seen[0, channel].flatten(), expected)
    assert torch.equal(color, before)


def test_floats_are_not_changed_in_place() -> None:
    color = torch.full((1, 2, 2, 3), 255.0)
    assert torch.equal(normalise_color(color), torch.ones(1, 3, 2, 2))
    assert torch.equal(color, torch.full((1, 2, 2, 3), 255.0))
