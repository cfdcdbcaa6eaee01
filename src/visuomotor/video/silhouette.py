"""Differentiable outlines of convex bodies: the boxes and soft silhouettes of their projections."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from visuomotor.video.strips import beyond_strips

RING = 8
"""Points of each end of the hand's cylinder."""

_SIGNS = torch.tensor([[x, y, z] for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)])
CUBOID_EDGES = tuple((a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b) in (1, 2, 4))
HAND_EDGES = (
    *((k, (k + 1) % RING) for k in range(RING)),
    *((RING + k, RING + (k + 1) % RING) for k in range(RING)),
    *((k, RING + k) for k in range(RING)),
)


def cuboid_vertices(position: Tensor, rotation: Tensor, size: Tensor) -> Tensor:
    """(..., 8, 3) corners of cuboids: position (..., 3), rotation (..., 3, 3), size (..., 3) m."""
    corners = 0.5 * size[..., None, :] * _SIGNS.to(size)
    return position[..., None, :] + corners @ rotation.transpose(-1, -2)


def pointing(azimuth: Tensor, elevation: Tensor) -> Tensor:
    """(..., 3): where a hand points from its wrist; a positive elevation points down."""
    ce = torch.cos(elevation)
    return torch.stack(
        (ce * torch.cos(azimuth), ce * torch.sin(azimuth), -torch.sin(elevation)), -1
    )


def hand_vertices(
    end: Tensor, azimuth: Tensor, elevation: Tensor, radius: float, length: Tensor
) -> Tensor:
    """(..., 2 RING, 3) points of the hand's cylinder, the ring at its end (..., 3) first."""
    along = pointing(azimuth, elevation)
    zero = torch.zeros_like(azimuth)
    side = torch.stack((-torch.sin(azimuth), torch.cos(azimuth), zero), -1)
    up = torch.linalg.cross(side, along)
    angle = torch.arange(RING, dtype=end.dtype, device=end.device) * (2 * math.pi / RING)
    ring = radius * (
        torch.cos(angle)[:, None] * side[..., None, :]
        + torch.sin(angle)[:, None] * up[..., None, :]
    )
    wrist = end - length[..., None] * along
    return torch.cat((end[..., None, :] + ring, wrist[..., None, :] + ring), -2)


def extents(pixels: Tensor) -> Tensor:
    """(..., 4) x1, y1, x2, y2 px of the box around points (..., V, 2)."""
    return torch.cat((pixels.amin(-2), pixels.amax(-2)), -1)


def signed_distance(pixels: Tensor, edges: tuple[tuple[int, int], ...], grid: Tensor) -> Tensor:
    """(B, P) px from points of grid (P, 2) or (B, P, 2) to the hulls of (B, V, 2); negative inside.

    The maximum over the normals n of all projected edges of <x, n> - max over v of <v, n>: exact
    within the hull and off its edges, since the hull's edges are among the projected ones. Both
    signs of a normal together are a strip that holds the body.
    """
    first, second = zip(*edges, strict=True)
    along = pixels[:, list(second)] - pixels[:, list(first)]
    normal = torch.stack((-along[..., 1], along[..., 0]), -1)
    normal = normal / normal.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    reach = normal @ pixels.transpose(1, 2)  # (B, E, V)
    high, low = reach.amax(-1), reach.amin(-1)
    return beyond_strips(normal, 0.5 * (high + low), 0.5 * (high - low), grid)


def soft_silhouette(
    pixels: Tensor, edges: tuple[tuple[int, int], ...], grid: Tensor, blur_px: float
) -> Tensor:
    """(B, P) in (0, 1): 1 inside the hulls of (B, V, 2), falling over blur_px at their outlines."""
    return torch.sigmoid(-signed_distance(pixels, edges, grid) / blur_px)
