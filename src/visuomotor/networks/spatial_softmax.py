"""Expectations under a distribution over cells: of a pixel, or of a point in space."""

from __future__ import annotations

import torch
from torch import Tensor


def expected_pixel(logits: Tensor, pixels: Tensor) -> Tensor:
    """E[(u, v)] (..., 2) of logits (..., M) over cells at pixels (M, 2)."""
    return torch.softmax(logits, dim=-1) @ pixels


def expected_point(log_weights: Tensor, points: Tensor, valid: Tensor) -> Tensor:
    """E[X] (B, K, 3) over the valid points: sum p valid X / sum p valid.

    log_weights: (B, K, M), not necessarily normalised. points: (B, M, 3); what they hold where
    `valid` (B, M) is False is ignored, NaN included. Without one valid point the result is NaN.
    """
    holes = ~valid
    p = torch.softmax(log_weights.masked_fill(holes[:, None], float("-inf")), dim=-1)  # (B, K, M)
    return p @ points.masked_fill(holes[..., None], 0.0)
