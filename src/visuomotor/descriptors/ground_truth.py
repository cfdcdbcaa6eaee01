"""Where a point of one view truly is in another, and whether it can be seen there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.descriptors.matching import Views, project, surface_depth

UNCLEAR, VISIBLE, OCCLUDED, OUT_OF_VIEW = range(4)
"""What `TruePlaces.visibility` says of a point in a view."""


@dataclass(frozen=True)
class VisibilityTolerances:
    """When a point counts as seen and when as hidden, m; what is between is unclear.

    A point is visible if the view measures its surface there: no more than nearer_m before it and
    no more than farther_m behind it, at an edge in one of the four pixels around it. It is
    occluded if all four show something more than hidden_m before it.
    """

    nearer_m: float = 0.003
    farther_m: float = 0.01
    hidden_m: float = 0.01
    edge_m: float = 0.02  # neighbouring depths that differ by more are an edge


@dataclass(frozen=True)
class TruePlaces:
    """N points in B views: points (B, N, 3) in base, m; pixels (B, N, 2) as (u, v), sub-pixel.

    visibility (B, N): UNCLEAR, VISIBLE, OCCLUDED or OUT_OF_VIEW. Pixels behind the camera are 0.
    """

    points: Tensor
    pixels: Tensor
    visibility: Tensor


def true_places(
    points: Tensor, views: Views, tolerances: VisibilityTolerances | None = None
) -> TruePlaces:
    """The places of points (B, N, 3), given in base at the views' own instant, in the views.

    Geometry alone decides, never colour, so that evaluation leaves out no difficult point.
    """
    tolerances = tolerances or VisibilityTolerances()
    pixels, z = project(points, views)
    h, w = views.depth_m.shape[1:]
    u, v = pixels.unbind(-1)
    inside = (z > 0) & (u >= 0) & (v >= 0) & (u <= w - 1) & (v <= h - 1)
    at = torch.where(inside[..., None], pixels, torch.zeros_like(pixels))
    around = _around(views.depth_m, at)  # (B, N, 4)
    edge = around.amax(-1) - around.amin(-1) >= tolerances.edge_m
    smooth = surface_depth(views.depth_m, at, tolerances.edge_m)[..., None]
    measured = torch.where(edge[..., None], around, smooth) - z[..., None]
    visible = ((measured > -tolerances.nearer_m) & (measured < tolerances.farther_m)).any(-1)
    visibility = torch.full_like(z, UNCLEAR, dtype=torch.long)
    visibility[inside & visible] = VISIBLE
    hidden = (around > 0) & (around < z[..., None] - tolerances.hidden_m)
    visibility[inside & hidden.all(-1)] = OCCLUDED
    visibility[~inside] = OUT_OF_VIEW
    return TruePlaces(points, at, visibility)


def _around(depth_m: Tensor, pixels: Tensor) -> Tensor:
    """Depths (B, N, 4) of the four pixels around places (B, N, 2) in images (B, H, W)."""
    h, w = depth_m.shape[1:]
    u, v = pixels.long().unbind(-1)
    rows = torch.arange(len(depth_m), device=depth_m.device)[:, None]
    corners = [(i, j) for j in (0, 1) for i in (0, 1)]
    depths = [depth_m[rows, (v + j).clamp_max(h - 1), (u + i).clamp_max(w - 1)] for i, j in corners]
    return torch.stack(depths, dim=-1)


@dataclass(frozen=True)
class Parts:
    """The P rigid parts of a scene's objects at one instant, each a box or an upright cylinder.

    T_base_part (P, 4, 4): pose of each part's middle. half_m (P, 3): half extents in its axes, of
    a cylinder (radius, radius, half height). cylinder (P,): which they are.
    """

    T_base_part: Tensor
    half_m: Tensor
    cylinder: Tensor

    def containing(self, points: Tensor, margin_m: float = 0.001) -> Tensor:
        """The part (...) that points (..., 3) in base belong to; -1: none.

        margin_m: how far outside a part a measured point may lie.
        """
        found = torch.full(points.shape[:-1], -1, dtype=torch.long, device=points.device)
        for i, (T, half) in enumerate(zip(self.T_base_part, self.half_m, strict=True)):
            p = ((points - T[:3, 3]) @ T[:3, :3]).abs()  # in the part's axes
            inside = (p <= half + margin_m).all(-1)
            if bool(self.cylinder[i]):
                inside &= p[..., :2].norm(dim=-1) <= half[0] + margin_m
            found[inside] = i
        return found

    @property
    def size_m(self) -> float:
        """The diagonal of the object: the longest distance within it."""
        flat = self.half_m.clone()
        flat[self.cylinder, 1] = 0.0  # across a cylinder it is the diameter, not the box's diagonal
        reach = flat.norm(dim=-1)  # (P,)
        centres = self.T_base_part[:, :3, 3]
        apart = torch.cdist(centres, centres) + reach[:, None] + reach
        return float(apart.max())


def carried(points: Tensor, part: Tensor, a: Parts, b: Parts) -> Tensor:
    """Where points (N, 3) in base of the scene a are in the scene b: with the parts they are on.

    part (N,): the part of each. Between instances of different size a point keeps its
    coordinates relative to the half extents.
    """
    T_a, T_b = a.T_base_part[part], b.T_base_part[part]  # (N, 4, 4)
    local = (T_a[:, :3, :3].transpose(1, 2) @ (points - T_a[:, :3, 3])[..., None])[..., 0]
    local = local * (b.half_m / a.half_m)[part]
    return (T_b[:, :3, :3] @ local[..., None])[..., 0] + T_b[:, :3, 3]
