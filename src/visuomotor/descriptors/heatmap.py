"""How alike every pixel of an image is to a descriptor, and where the best match is."""

from __future__ import annotations

import torch
from torch import Tensor

from visuomotor.networks import Grid, cell_pixels, pixels_to_cells, sample_map


def all_pixels(height: int, width: int) -> Tensor:
    """Every pixel (H*W, 2) as (u, v), row by row, float32."""
    return cell_pixels(height, width, 1)


def at_every_pixel(descriptors: Tensor, grid: Grid | int, height: int, width: int) -> Tensor:
    """A map (D, h, w) between its cells, bilinear: descriptors (H*W, D) of every pixel."""
    pixels = all_pixels(height, width).to(descriptors)
    return sample_map(descriptors[None], pixels_to_cells(pixels, grid)[None])[0]


def squared_distances(queries: Tensor, descriptors: Tensor) -> Tensor:
    """|d - q|^2 (N, M) of queries (N, D) and descriptors (M, D), never negative."""
    products = queries @ descriptors.T
    square = queries.square().sum(1, keepdim=True) + descriptors.square().sum(1)
    return (square - 2.0 * products).clamp_min(0.0)


def best_pixels(
    queries: Tensor, descriptors: Tensor, grid: Grid | int, distances: Tensor, width: int
) -> Tensor:
    """Where queries (N, D) match a map (D, h, w) best: pixels (N, 2) to a quarter of a pixel.

    distances (N, H*W): `squared_distances` to every pixel, of an image that is `width` wide. The
    best pixel comes first, then the best of the places within one pixel of it, between which the
    descriptors are bilinear.
    """
    best = distances.argmin(1)
    pixels = torch.stack([best % width, best // width], dim=-1).to(queries)  # (N, 2)
    steps = torch.arange(-4, 5).to(queries) / 4
    offsets = torch.cartesian_prod(steps, steps)  # (81, 2)
    low = pixels.new_zeros(2)
    high = pixels.new_tensor([width - 1, distances.shape[1] // width - 1])
    places = (pixels[:, None] + offsets).clamp(low, high)  # (N, 81, 2)
    cells = pixels_to_cells(places, grid).reshape(1, -1, 2)
    sampled = sample_map(descriptors[None], cells)[0].reshape(len(queries), len(offsets), -1)
    nearest = (sampled - queries[:, None]).square().sum(-1).argmin(1)
    return places[torch.arange(len(queries)), nearest]


def expected_pixels(distances: Tensor, width: int, sharpness: float) -> Tensor:
    """Pixels (N, 2): the mean of all, weighted by softmax(-sharpness |d - q|^2) of (N, H*W)."""
    pixels = all_pixels(distances.shape[1] // width, width).to(distances)
    return torch.softmax(-sharpness * distances, dim=1) @ pixels
