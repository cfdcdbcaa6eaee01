"""Weakly labelled images: with and without the object of interest, and nothing else is told.

Singh et al. 2017 (GPLAC), sections 3 and 6.1: no robot in view, other places of the objects, other
viewpoints. Here also other sizes and aspects, as pictures of a phone have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import ConfigError, DataError
from visuomotor.sim.config import Variant
from visuomotor.sim.weak_scene import WeakScene

LABELS = ("with", "without")
"""The folders' names: of images that show the object of interest, and of those that lack it."""
_SMALLEST = 0.85
_KEPT = 0.7


@dataclass(frozen=True)
class WeakRendering:
    """How many images were written, and how many were there already."""

    written: int
    kept: int


def render_weak(
    task: str,
    variant: Variant,
    images: int,
    out: Path,
    first_seed: int = 0,
    size: tuple[int, int] = (120, 160),
    progress: Callable[[Path], None] = lambda _: None,
) -> WeakRendering:
    """Writes `out/with/*.png` and `out/without/*.png`, one of each per seed, `images` in all.

    The environment is `seed % 40` of the variant's, so the first 80 images show each of them
    twice, and more images contain fewer. size: (H, W) of the largest; each is cut from that, down
    to 0.85 of its height and width. Files that exist are kept, so an interrupted run goes on. The
    same arguments give the same images. Raises ConfigError for impossible arguments, DataError
    when an image cannot be written.
    """
    if images < 2 or first_seed < 0:
        raise ConfigError(
            f"got {images} images from seed {first_seed}, expected at least 2, one of each label, "
            "from a seed >= 0"
        )
    scene = WeakScene(task, variant, size[1], size[0])
    written = kept = 0
    try:
        for i in range(images):
            label, seed = LABELS[i % 2], first_seed + i // 2
            number = scene.environment(seed)
            path = out / label / f"{task}-{variant}-{number:03d}-{seed:06d}.png"
            if path.is_file():
                kept += 1
            else:
                rng = np.random.default_rng([seed, 96, i % 2])
                color, seen = scene.draw(rng, seed, label == "with")
                _write(path, _cut(rng, color, seen))
                written += 1
            progress(path)
    finally:
        scene.close()
    return WeakRendering(written, kept)


def _cut(
    rng: np.random.Generator, color: NDArray[np.uint8], seen: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """A part of the image that keeps most of what is seen of the object."""
    full = np.array(color.shape[:2])
    for _ in range(50):
        size = np.rint(full * rng.uniform(_SMALLEST, 1.0, 2)).astype(int)
        v, u = rng.integers(0, full - size + 1)
        part = (slice(v, v + size[0]), slice(u, u + size[1]))
        if _middle(seen[part], full[1] / full[0]).sum() >= _KEPT * seen.sum():
            return color[part]
    return color


def _middle(part: NDArray[np.bool_], aspect: float) -> NDArray[np.bool_]:
    """What a training makes of a part: its middle, `aspect` times as wide as high."""
    height, width = part.shape
    h, w = min(height, round(width / aspect)), min(width, round(height * aspect))
    v, u = (height - h) // 2, (width - w) // 2
    return part[v : v + h, u : u + w]


def _write(path: Path, color: NDArray[np.uint8]) -> None:
    """A PNG that is there whole or not at all."""
    done, png = cv2.imencode(".png", color[..., ::-1])
    partial = path.with_suffix(".partial")
    try:
        if not done:
            raise OSError("encoding failed")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(png.tobytes())
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error}); is the disk full?") from error
