"""Where the cells of a strided feature map lie in its image, and sampling between the two.

Everything goes through `geometry.pinhole.map_pixels`: the centre of cell c of a stride-s map is
at pixel s (c + 0.5) - 0.5. PyTorch's `align_corners=False` follows the same rule. A backbone whose
receptive fields are centred elsewhere says so with the offset of its `Grid`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from visuomotor.geometry.pinhole import map_pixels


@dataclass(frozen=True)
class Grid:
    """Cell c of a map is at pixel stride (c + 0.5) - 0.5 + offset_px, along u as along v."""

    stride: int
    offset_px: float = 0.0


def as_grid(grid: Grid | int) -> Grid:
    """A plain stride stands for the grid without an offset."""
    return grid if isinstance(grid, Grid) else Grid(grid)


def cell_pixels(height: int, width: int, grid: Grid | int) -> Tensor:
    """Pixel coordinates (h*w, 2) as (u, v) of a map of height x width cells, row by row."""
    grid = as_grid(grid)
    u, v = (
        torch.as_tensor(
            map_pixels(list(range(n)), float(grid.stride)) + grid.offset_px, dtype=torch.float32
        )
        for n in (width, height)
    )
    vv, uu = torch.meshgrid(v, u, indexing="ij")  # (h, w) each
    return torch.stack([uu, vv], dim=-1).reshape(-1, 2)


def pixels_to_cells(pixels: Tensor, grid: Grid | int) -> Tensor:
    """Pixel coordinates (..., 2) in units of cells of a map; the inverse of `cell_pixels`."""
    grid = as_grid(grid)
    return (pixels + (0.5 - grid.offset_px)) / grid.stride - 0.5


def sample_map(features: Tensor, cells: Tensor) -> Tensor:
    """Features (B, N, C), bilinear, of maps (B, C, h, w) at cell coordinates (B, N, 2).

    Beyond the border the nearest cell's value is taken.
    """
    h, w = features.shape[-2:]
    scale = cells.new_tensor([2.0 / w, 2.0 / h])
    grid = (cells + 0.5) * scale - 1.0  # (B, N, 2) in [-1, 1]
    sampled = F.grid_sample(  # (B, C, N, 1)
        features, grid[:, :, None], align_corners=False, padding_mode="border"
    )
    return sampled[..., 0].transpose(1, 2)


def pixel_lattice(height: int, width: int, step: int) -> Tensor:
    """Every step-th pixel of every step-th row, (M, 2) int64 (u, v), centred in the image."""
    u = torch.arange((width - 1) % step // 2, width, step)
    v = torch.arange((height - 1) % step // 2, height, step)
    vv, uu = torch.meshgrid(v, u, indexing="ij")
    return torch.stack([uu, vv], dim=-1).reshape(-1, 2)
