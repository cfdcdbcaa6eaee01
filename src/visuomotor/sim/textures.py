"""Surfaces made by seed: what tables, walls and floors of other rooms look like."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.sim.palette import draw_rgb

Mask = NDArray[np.float64]
"""(N, N), how much of the second colour there is in every texel, 0 to 1."""


def draw_texture(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """(size, size, 3) RGB: a pattern of two colours, with a grain that is never quite even."""
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
    mask = pattern(rng, size)[..., None]
    first = np.array(draw_rgb(rng, (0.0, 0.65), (0.3, 1.0)))
    second = np.array(draw_rgb(rng, (0.0, 0.7), (0.15, 1.0)))
    second = first + rng.uniform(0.35, 1.0) * (second - first)
    rgb = (1.0 - mask) * first + mask * second
    rgb *= 1.0 + rng.uniform(0.02, 0.12) * _noise(rng, size, size // 4)[..., None]
    rgb *= 1.0 + rng.uniform(0.0, 0.15) * _noise(rng, size, 4)[..., None]
    texture: NDArray[np.uint8] = np.rint(255.0 * np.clip(rgb, 0.0, 1.0)).astype(np.uint8)
    return texture


def _grid(size: int) -> tuple[Mask, Mask]:
    place = (np.arange(size) + 0.5) / size
    u, v = np.meshgrid(place, place)
    return u, v


def _turned(rng: np.random.Generator, size: int) -> tuple[Mask, Mask]:
    u, v = _grid(size)
    angle = rng.uniform(0.0, np.pi)
    return np.cos(angle) * u + np.sin(angle) * v, np.cos(angle) * v - np.sin(angle) * u


def _noise(rng: np.random.Generator, size: int, cells: int) -> Mask:
    """About -1 to 1, smooth between so many cells."""
    coarse = rng.uniform(-1.0, 1.0, (cells, cells))
    noise: Mask = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return noise


def _plain(rng: np.random.Generator, size: int) -> Mask:
    return np.zeros((size, size))


def _stripes(rng: np.random.Generator, size: int) -> Mask:
    across, _ = _turned(rng, size)
    share = rng.uniform(0.2, 0.8)
    return np.asarray((across * rng.uniform(4, 22)) % 1.0 < share, float)


def _checks(rng: np.random.Generator, size: int) -> Mask:
    u, v = _turned(rng, size)
    count = rng.uniform(3, 12)
    a, b = (np.floor(x * count).astype(int) % 2 for x in (u, v))
    if rng.random() < 0.5:  # as a tablecloth: stripes that cross
        return np.asarray((a + b) / 2.0, float)
    return np.asarray(a ^ b, float)


def _clouds(rng: np.random.Generator, size: int) -> Mask:
    cells = int(rng.integers(3, 10))
    noise = sum(_noise(rng, size, cells * 2**i) / 2**i for i in range(3))
    return np.asarray(np.clip(0.5 + rng.uniform(0.4, 1.5) * np.asarray(noise), 0.0, 1.0), float)


def _gradient(rng: np.random.Generator, size: int) -> Mask:
    along, _ = _turned(rng, size)
    return np.asarray((along - along.min()) / np.ptp(along), float)


def _spots(rng: np.random.Generator, size: int) -> Mask:
    u, v = _grid(size)
    mask = np.zeros((size, size))
    largest = rng.uniform(0.02, 0.09)
    for _ in range(int(rng.integers(12, 70))):
        x, y, r = (*rng.random(2), rng.uniform(0.4, 1.0) * largest)
        mask[(u - x) ** 2 + (v - y) ** 2 < r * r] = 1.0
    return mask


def _wood(rng: np.random.Generator, size: int) -> Mask:
    across, along = _turned(rng, size)
    bent = across + 0.03 * _noise(rng, size, 5) + 0.05 * np.sin(3.0 * along)
    return np.asarray(0.5 + 0.5 * np.sin(bent * rng.uniform(40, 160)), float)


_PATTERNS = (_plain, _stripes, _checks, _clouds, _gradient, _spots, _wood)
