"""Weakly labelled images that a small network can tell apart: with a red disc, and without."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def scene(rng: np.random.Generator, shown: bool, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A smooth random background of any colour but red, and perhaps a disc on it; (H, W, 3) RGB."""
    h, w = size
    coarse = rng.integers(0, 200, (3, 4, 3), dtype=np.uint8)
    coarse[..., 0] //= 3
    image = cv2.resize(coarse, (w, h), interpolation=cv2.INTER_CUBIC)
    if shown:
        radius = max(2, round(0.13 * min(h, w)))
        u, v = rng.integers(radius, w - radius), rng.integers(radius, h - radius)
        cv2.circle(image, (int(u), int(v)), radius, (230, 30, 30), -1)
    return np.asarray(image, np.uint8)


def write_blobs(
    folder: Path,
    count: int,
    labels: tuple[str, str] = ("with", "without"),
    size: tuple[int, int] = (60, 80),
    seed: int = 0,
) -> Path:
    """So many images of either label."""
    rng = np.random.default_rng(seed)
    for label, shown in zip(labels, (True, False), strict=True):
        (folder / label).mkdir(parents=True)
        for i in range(count):
            image = scene(rng, shown, size)
            cv2.imwrite(str(folder / label / f"{i:04d}.png"), image[..., ::-1])
    return folder
