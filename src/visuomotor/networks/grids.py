"""Where the cells of a strided feature map lie in its image, and sampling between the two.

Everything goes through `geometry.pinhole.map_pixels`: the centre of cell c of a stride-s map is
at pixel s (c + 0.5) - 0.5. PyTorch's `align_corners=False` follows the same rule.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from visuomotor.geometry.pinhole import map_pixels


def cell_pixels(height: int, width: int, stride: int) -> Tensor:
    """Pixel coordinates (h*w, 2) as (u, v) of a map of height x width cells, row by row."""
    u = torch.as_tensor(map_pixels(list(range(width)), float(stride)), dtype=torch.float32)
    v = torch.as_tensor(map_pixels(list(range(height)), float(stride)), dtype=torch.float32)
    vv, uu = torch.meshgrid(v, u, indexing="ij")  # (h, w) each
    return torch.stack([uu, vv], dim=-1).reshape(-1, 2)


def pixels_to_cells(pixels: Tensor, stride: int) -> Tensor:
    """Pixel coordinates (..., 2) in units of cells of a stride-s map."""
    return (pixels + 0.5) / stride - 0.5


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
