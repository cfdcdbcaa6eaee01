"""Correspondence losses: distributional (KL to a Gaussian) and expectation (L1), symmetric."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.descriptors.matching import Matches
from visuomotor.descriptors.network import match_logits
from visuomotor.networks import Grid, as_grid, cell_pixels, pixels_to_cells, sample_map


@dataclass(frozen=True)
class LossConfig:
    """The two terms' weights and the width of the target distribution."""

    sigma_cells: float = 1.0
    distribution: float = 1.0
    expectation: float = 1.0

    def __post_init__(self) -> None:
        if self.sigma_cells <= 0:
            raise ValueError(f"loss: got sigma_cells {self.sigma_cells}, expected more than 0")


@dataclass(frozen=True)
class CorrespondenceLoss:
    """Scalars: the weighted total and its terms."""

    total: Tensor
    distribution: Tensor  # nats above the target's entropy
    expectation: Tensor  # L1 in units of half the image's size


def correspondence_loss(
    descriptors_a: Tensor,
    descriptors_b: Tensor,
    matches: Matches,
    grid: Grid | int,
    config: LossConfig,
) -> CorrespondenceLoss:
    """Mean of a -> b and b -> a over the valid matches of maps (B, D, h, w).

    Zero (and without gradient) if no match is valid.
    """
    forward = _one_way(descriptors_a, descriptors_b, matches, grid, config)
    backward = _one_way(descriptors_b, descriptors_a, matches.flipped(), grid, config)
    kl, l1 = (0.5 * (f + b) for f, b in zip(forward, backward, strict=True))
    return CorrespondenceLoss(config.distribution * kl + config.expectation * l1, kl, l1)


def gaussian_target(
    pixels: Tensor, height: int, width: int, grid: Grid | int, sigma: float
) -> Tensor:
    """Distributions (..., h*w) over cells around pixels (..., 2); sigma in cells, sum 1.

    Separable: the outer product of a row's and a column's Gaussian.
    """
    cells = pixels_to_cells(pixels, grid)
    u = torch.arange(width, dtype=cells.dtype, device=cells.device)
    v = torch.arange(height, dtype=cells.dtype, device=cells.device)
    row = torch.softmax(-((u - cells[..., :1]) ** 2) / (2 * sigma**2), dim=-1)  # (..., w)
    column = torch.softmax(-((v - cells[..., 1:]) ** 2) / (2 * sigma**2), dim=-1)  # (..., h)
    return (column[..., :, None] * row[..., None, :]).flatten(-2)


def _one_way(
    source: Tensor, target: Tensor, matches: Matches, grid: Grid | int, config: LossConfig
) -> tuple[Tensor, Tensor]:
    h, w = target.shape[-2:]
    queries = sample_map(source, pixels_to_cells(matches.pixels_a, grid))  # (B, N, D)
    chosen = matches.valid.nonzero(as_tuple=True)
    count = max(len(chosen[0]), 1)
    log_p = torch.log_softmax(match_logits(queries, target), dim=-1)[chosen]  # (V, M)
    wanted = matches.pixels_b[chosen]  # (V, 2)
    q = gaussian_target(wanted, h, w, grid, config.sigma_cells)
    kl = (q * (torch.log(q.clamp_min(1e-12)) - log_p)).sum() / count
    pixels = cell_pixels(h, w, grid).to(log_p)
    stride = as_grid(grid).stride
    half_size = log_p.new_tensor([w * stride / 2, h * stride / 2])
    l1 = ((log_p.exp() @ pixels - wanted) / half_size).abs().sum() / count
    return kl, l1
