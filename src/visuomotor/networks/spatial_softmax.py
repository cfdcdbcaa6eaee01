"""Expectations under a distribution over cells: of a pixel, or of a point in space."""

from __future__ import annotations

import torch
from torch import Tensor

from visuomotor.networks.precision import full_precision


def expected_pixel(logits: Tensor, pixels: Tensor) -> Tensor:
    """E[(u, v)] (..., 2) of logits (..., M) over cells at pixels (M, 2).

    In the precision of its arguments also within autocast, whose products would round the places.
    """
    with full_precision(logits.device):
        return torch.softmax(logits, dim=-1) @ pixels


def expected_point(log_weights: Tensor, points: Tensor, valid: Tensor) -> Tensor:
    """E[X] (B, K, 3) over the valid points: sum p valid X / sum p valid.

    log_weights: (B, K, M), not necessarily normalised. points: (B, M, 3); what they hold where
    `valid` (B, M) is False is ignored, NaN included. Without one valid point the result is NaN.
    """
    holes = ~valid
    p = torch.softmax(log_weights.masked_fill(holes[:, None], float("-inf")), dim=-1)  # (B, K, M)
    return p @ points.masked_fill(holes[..., None], 0.0)


def local_expectation(
    p: Tensor, points: Tensor, radius: float, iterations: int = 3
) -> tuple[Tensor, Tensor]:
    """Expectations (B, K, d) of points (B, M, d) under p (B, K, M), near where p is greatest.

    And the probability (B, K) there. radius: of the neighbourhood, in units of the points; 0: the
    plain expectation. Gradients reach p through the last weighting; the centre that it is about is
    taken as given.
    """
    if radius <= 0:
        return p @ points, torch.ones_like(p[..., 0])
    with torch.no_grad():
        best = p.argmax(-1)[..., None].expand(-1, -1, points.shape[-1])
        centre = points.gather(1, best)
        for _ in range(iterations - 1):
            near = p * _gaussian(centre, points, radius)
            centre = near @ points / near.sum(-1, keepdim=True).clamp_min(1e-30)
    near = p * _gaussian(centre, points, radius)  # (B, K, M)
    mass = near.sum(-1, keepdim=True)
    return near @ points / mass.clamp_min(1e-30), mass[..., 0].clamp(0, 1)


def _gaussian(centre: Tensor, points: Tensor, radius: float) -> Tensor:
    middle = points.mean(1, keepdim=True)  # differences of large squares lose digits
    centre, points = centre - middle, points - middle
    squared = (
        centre.square().sum(-1)[..., None]
        + points.square().sum(-1)[:, None]
        - 2 * centre @ points.transpose(1, 2)
    )
    return torch.exp(squared.clamp_min(0) / (-2 * radius**2))
