"""Windows hold the whole body, and their errors are those of the whole image."""

from __future__ import annotations

import numpy as np
import torch

from visuomotor.video.mask_windows import mask_windows

SIZE = (400, 200)


def discs(*places: tuple[float, float] | None) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Masks at a tenth of SIZE, of a body 20 px in radius at each place (px), or of none."""
    y, x = np.mgrid[5:200:10, 5:400:10]
    return np.stack(
        [
            np.zeros(x.shape, bool) if p is None else np.hypot(x - p[0], y - p[1]) < 20
            for p in places
        ]
    )


def test_a_window_holds_its_body_and_its_points_are_where_the_mask_has_them() -> None:
    masks = discs((200, 100), None, (5, 195), (390, 20))
    found = mask_windows(masks, SIZE)
    assert found is not None
    assert found.frames.tolist() == [0, 2, 3]
    assert found.inside.sum(1).tolist() == masks.sum((1, 2))[[0, 2, 3]].tolist()
    for k, t in enumerate((0, 2, 3)):
        u, v = (found.grid[k] / 10 - 0.5).round().long().unbind(-1)
        np.testing.assert_array_equal(masks[t][v, u], found.inside[k].numpy() > 0)
        assert len({(int(a), int(b)) for a, b in zip(u, v, strict=True)}) == len(u)
    assert found.grid.shape[1] < 20 * 40


def test_errors_are_those_of_the_whole_image() -> None:
    masks = discs((200, 100), (150, 80))
    found = mask_windows(masks, SIZE)
    assert found is not None
    rng = np.random.default_rng(0)
    drawn = np.where(rng.random(masks.shape) < 0.5, masks, 0).astype(np.float32)
    drawn[:, :, :2] = 0
    square, whole = (drawn - masks) ** 2, masks.astype(float)
    expected = [
        0.5 * ((s * w).sum() + (s * (1 - w)).sum()) / w.sum()
        for s, w in zip(square, whole, strict=True)
    ]
    index = (found.grid / 10 - 0.5).round().long().numpy()
    cut = np.stack([drawn[k][index[k, :, 1], index[k, :, 0]] for k in range(2)])
    got = found.error(torch.tensor(cut)[None])
    np.testing.assert_allclose(got.numpy(), [np.mean(expected)], rtol=1e-5)


def test_a_body_that_is_never_seen_has_no_windows() -> None:
    assert mask_windows(discs(None, None), SIZE) is None
