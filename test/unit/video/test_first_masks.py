"""Boxes that overlap: each pixel goes to the body whose colours it has."""

import cv2
import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.video.first_masks import first_masks, settle

H, W = 100, 160
HAND, CUP, TABLE = (225, 170, 140), (60, 80, 190), (120, 130, 90)


def scene(hand, cup, seed=0):
    """An image and true masks of a hand (an ellipse's centre and axes) before a cup (a box)."""
    rng = np.random.default_rng(seed)
    masks = {name: np.zeros((H, W), np.uint8) for name in ("hand", "moved")}
    cv2.rectangle(masks["moved"], cup[:2], cup[2:], 1, -1)
    cv2.ellipse(masks["hand"], hand[:2], hand[2:], 25, 0, 360, 1, -1)
    masks["moved"][masks["hand"] > 0] = 0
    image = np.full((H, W, 3), TABLE, float) + 12 * np.sin(np.arange(W) / 4)[None, :, None]
    image[masks["moved"] > 0] = CUP
    image[masks["hand"] > 0] = HAND
    image = np.clip(image + rng.normal(0, 7, image.shape), 0, 255).astype(np.uint8)
    return image, {name: m > 0 for name, m in masks.items()}


def around(mask, pad=3):
    v, u = np.nonzero(mask)
    return np.array([u.min() - pad, v.min() - pad, u.max() + 1 + pad, v.max() + 1 + pad], float)


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize(
    ("hand", "cup"),
    [
        ((60, 50, 32, 15), (75, 30, 115, 80)),
        ((75, 50, 40, 18), (85, 35, 110, 70)),  # most of the cup's box is in the hand's
        ((80, 50, 16, 9), (55, 20, 125, 85)),  # the hand's box is in the cup's
        ((40, 50, 25, 15), (90, 30, 130, 80)),  # apart
    ],
    ids=("aside", "behind", "before", "apart"),
)
def test_each_body_has_its_own_pixels(hand, cup) -> None:
    image, true = scene(hand, cup)
    found = first_masks(image, {name: around(m) for name, m in true.items()})
    assert not (found["hand"] & found["moved"]).any()
    for name, mask in true.items():
        assert overlap(found[name], mask) > 0.85, name


def test_what_nobody_disputes_is_kept() -> None:
    image, true = scene((60, 50, 32, 15), (75, 30, 115, 80))
    both = true["hand"] | true["moved"]
    found = settle(image, {"hand": both, "moved": true["moved"]})
    assert overlap(found["hand"], true["hand"]) > 0.9
    assert overlap(found["moved"], true["moved"]) > 0.9
    assert (settle(image, true)["hand"] == true["hand"]).all()


def test_a_box_of_nothing_is_told_with_file_and_frame() -> None:
    image = np.full((H, W, 3), TABLE, np.uint8)
    with pytest.raises(DataError, match=r"cup.mp4: frame 7: nothing stands out in the box of hand"):
        first_masks(image, {"hand": np.array([20.0, 20.0, 60.0, 60.0])}, "cup.mp4: frame 7")
