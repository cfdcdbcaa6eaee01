"""Bodies are followed from a box through a video, behind one another and out of sight."""

import cv2
import numpy as np
import pytest

from visuomotor.errors import DataError
from visuomotor.video.following import follow
from visuomotor.video.outlines import within

H, W, T = 90, 140, 16
HAND, CUP = (230, 170, 140), (40, 60, 200)


def scene(hand, cup):
    """Images and true masks: a disc `hand` over a square `cup`, each a centre per frame or None."""
    rng = np.random.default_rng(0)
    table = np.full((H, W, 3), (120, 130, 90)) + rng.normal(0, 8, (H, W, 3))
    table += 12 * np.sin(np.arange(W) / 3)[None, :, None]
    images, masks = [], {"hand": [], "cup": []}
    for h, c in zip(hand, cup, strict=True):
        image = np.clip(table, 0, 255).astype(np.uint8)
        seen = {name: np.zeros((H, W), np.uint8) for name in masks}
        if c is not None:
            cv2.rectangle(seen["cup"], (c[0] - 10, c[1] - 10), (c[0] + 10, c[1] + 10), 1, -1)
        if h is not None:
            cv2.circle(seen["hand"], h, 13, 1, -1)
            seen["cup"][seen["hand"] > 0] = 0
        for name, colour in (("cup", CUP), ("hand", HAND)):
            image[seen[name] > 0] = colour
            masks[name].append(seen[name] > 0)
        noise = rng.normal(0, 4, image.shape)
        images.append(np.clip(image + noise, 0, 255).astype(np.uint8))
    return np.stack(images), {name: np.stack(m) for name, m in masks.items()}


def box(mask, pad=3):
    v, u = np.nonzero(mask)
    return np.array([u.min() - pad, v.min() - pad, u.max() + 1 + pad, v.max() + 1 + pad], float)


def overlap(a, b):
    return (a & b).sum() / max(1, (a | b).sum())


def test_masks_are_those_of_moving_bodies_one_before_the_other() -> None:
    hand = [(25 + 4 * t, 40) for t in range(T)]
    cup = [(70, 45)] * T
    images, true = scene(hand, cup)
    told = []
    found = follow(images, {n: box(true[n][0]) for n in ("hand", "cup")}, progress=told.append)
    for name in found:
        for t in range(T):
            if true[name][t].sum() > 150:
                assert overlap(found[name].masks[t], true[name][t]) > 0.85, (name, t)
                np.testing.assert_allclose(
                    found[name].boxes[t], box(true[name][t], 0), atol=4, err_msg=f"{name} {t}"
                )
    assert not (found["hand"].masks & found["cup"].masks).any()
    assert told == list(range(1, T))


def test_it_also_goes_backwards() -> None:
    images, true = scene([(30 + 3 * t, 30) for t in range(T)], [(90, 60)] * T)
    found = follow(images, {"hand": box(true["hand"][9])}, first=9)
    assert min(overlap(found["hand"].masks[t], true["hand"][t]) for t in range(T)) > 0.85


def test_what_leaves_is_a_gap_until_it_is_back() -> None:
    away = range(6, 10)
    cup = [None if t in away else (60 + t, 50) for t in range(T)]
    images, true = scene([None] * T, cup)
    found = follow(images, {"cup": box(true["cup"][0])})["cup"]
    for t in range(T):
        if t in away:
            assert np.isnan(found.boxes[t]).all()
            assert not found.masks[t].any()
        else:
            assert overlap(found.masks[t], true["cup"][t]) > 0.85, t


@pytest.mark.parametrize(
    ("asked", "first", "said"),
    [
        ((50.0, 20.0, 40.0, 60.0), 0, r"frame 0: got the box \[50, 20, 40, 60\] of cup"),
        ((500.0, 20.0, 600.0, 60.0), 2, r"frame 2: got the box .* within 140 x 90"),
        ((50.0, 20.0, 80.0, 60.0), T, rf"first frame {T}, expected 0 to {T - 1}"),
    ],
)
def test_boxes_that_cannot_be_are_told(asked, first, said) -> None:
    images, _ = scene([None] * T, [(60, 50)] * T)
    with pytest.raises(DataError, match=said):
        follow(images, {"cup": np.array(asked)}, first)


def test_a_box_holds_the_pixels_whose_centres_it_holds() -> None:
    assert within(np.array([2.0, 1.0, 4.0, 3.0]), 6, 8).sum() == 4
    assert within(np.array([-9.0, -9.0, 99.0, 99.0]), 6, 8).all()
