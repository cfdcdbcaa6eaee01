"""How good correspondence is: pixel and millimetre errors, and what the confidence is worth."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.ground_truth import TruePlaces
from visuomotor.descriptors.heatmap import (
    at_every_pixel,
    best_pixels,
    expected_pixels,
    squared_distances,
)
from visuomotor.descriptors.keypoints import locate_in_maps
from visuomotor.descriptors.masks import deproject, points_in_base
from visuomotor.descriptors.matching import Matches, Views, project, surface_depth
from visuomotor.descriptors.network import match_logits
from visuomotor.networks import Grid, as_grid, cell_pixels, pixels_to_cells, sample_map

PCK_PX = (4, 8, 16)


def correspondence_errors(
    descriptors_a: Tensor, descriptors_b: Tensor, matches: Matches, b: Views, grid: Grid | int
) -> dict[str, float]:
    """Errors of the argmax over b's cells for every valid match of maps (B, D, h, w).

    pck_4, pck_8, pck_16: share within that many pixels. median_px, median_mm: medians; the
    millimetres are between the true point and what b measures at the matched pixel.
    """
    h, w = descriptors_b.shape[-2:]
    queries = sample_map(descriptors_a, pixels_to_cells(matches.pixels_a, grid))
    best = match_logits(queries, descriptors_b).argmax(-1)  # (B, N)
    found = cell_pixels(h, w, grid).to(queries)[best]  # (B, N, 2)
    valid = matches.valid
    if not bool(valid.any()):
        return {"matches": 0.0}
    px = (found - matches.pixels_b).norm(dim=-1)[valid]
    points, measured = points_in_base(b.depth_m, b.K, b.T_base_camera)
    rows, columns = b.depth_m.shape[-2:]  # a cell's centre may lie just beyond the border
    u = found[..., 0].round().long().clamp(0, columns - 1)
    v = found[..., 1].round().long().clamp(0, rows - 1)
    i = torch.arange(len(u), device=u.device)[:, None]
    mm = 1e3 * (points[i, v, u] - matches.points).norm(dim=-1)[valid & measured[i, v, u]]
    return {
        "matches": float(valid.sum()),
        **{f"pck_{t}": float((px <= t).float().mean()) for t in PCK_PX},
        "median_px": float(px.median()),
        "median_mm": float(mm.median()) if len(mm) else float("nan"),
    }


METHODS = ("argmax", "expectation", "refined", "centroid", "nearest_pixel")
"""Ways to localise; the last two do without a network: the baseline, and an image's own limit."""

EDGE_M = 0.02
"""Neighbouring depths that differ by more are two surfaces, never one."""


@dataclass(frozen=True)
class Errors:
    """Of N localised points: px (N,) in the image; mm (N,), infinite where nothing is measured."""

    px: Tensor
    mm: Tensor


@dataclass(frozen=True)
class Localised:
    """N queries in one view: errors by method, and how sure the network is that they are there.

    likeness (N,): exp(-sharpness |d - q|^2) of the best match of the whole image. confidence
    (N,): that of `keypoints.locate`, the likeness times the probability near the best match.
    """

    errors: dict[str, Errors]
    likeness: Tensor
    confidence: Tensor


def localise(
    grid: Grid | int,
    config: DescriptorConfig,
    queries: Tensor,
    descriptors: Tensor,
    view: Views,
    mask: Tensor,
    truth: TruePlaces,
) -> Localised:
    """Finds queries (N, D) in one view (batch size 1) and measures how far off they are.

    descriptors (D, h, w): the view's map, its cells at `grid`. mask (H, W): the object's pixels in
    it. truth: of the same N points, batch size 1; what comes out for points that are not visible
    means nothing.

    - argmax: the pixel with the most alike descriptor, then the most alike place within one pixel
      of it in steps of a quarter, descriptors being bilinear between cells.
    - expectation: the mean of all pixels of the image, weighted by softmax(-sharpness |d - q|^2).
    - refined: `keypoints.locate` in this view alone, which gives a point in space as policies use
      it; its pixel is where that projects to.
    - centroid: the mean of the mask's pixels and, in space, of their points: knows the object
      perfectly but no place on it.
    - nearest_pixel: the pixel nearest to the true place: what rounding to pixels costs.

    A pixel's point is on the surface that the view measures there: between pixels of one surface
    the depth is interpolated, at a depth edge it is the nearest pixel's. mm: the straight distance
    in space from there to the true point.
    """
    h, w = view.depth_m.shape[1:]
    distances = squared_distances(queries, at_every_pixel(descriptors, grid, h, w))
    true_px, true_points = truth.pixels[0], truth.points[0]
    pixels = {
        "argmax": best_pixels(queries, descriptors, grid, distances, w),
        "expectation": expected_pixels(distances, w, config.sharpness),
        "nearest_pixel": true_px.round(),
    }
    errors = {
        name: Errors(
            (found - true_px).norm(dim=-1),
            _mm(surface_points(found, view) - true_points),
        )
        for name, found in pixels.items()
    }
    keypoints = locate_in_maps([descriptors[None]], [view], queries, as_grid(grid), config)
    back, _ = project(keypoints.points, view)
    errors["refined"] = Errors(
        _finite((back[0] - true_px).norm(dim=-1)), _mm(keypoints.points[0] - true_points)
    )
    centre_px, centre = _centroid(view, mask)
    errors["centroid"] = Errors((centre_px - true_px).norm(dim=-1), _mm(centre - true_points))
    likeness = torch.exp(-config.sharpness * distances.amin(1))
    return Localised(errors, likeness, keypoints.confidence[0])


def surface_points(pixels: Tensor, view: Views) -> Tensor:
    """Points (N, 3) in base that one view (batch size 1) measures at sub-pixel pixels (N, 2).

    NaN where it measures nothing.
    """
    h, w = view.depth_m.shape[1:]
    inside = pixels.clamp(pixels.new_zeros(2), pixels.new_tensor([w - 1, h - 1]))
    depth = surface_depth(view.depth_m, inside[None], EDGE_M)[0]
    points, valid = deproject(inside, depth, view.K[0], view.T_base_camera[0])
    return points.masked_fill(~valid[:, None], torch.nan)


def _centroid(view: Views, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean pixel (2,) and mean point (3,) of a mask (H, W) in one view; NaN for an empty one."""
    points, valid = points_in_base(view.depth_m, view.K, view.T_base_camera)
    chosen = mask & valid[0]
    v, u = chosen.nonzero(as_tuple=True)
    return torch.stack([u, v], -1).to(points).mean(0), points[0][chosen].mean(0)


def _mm(offsets: Tensor) -> Tensor:
    return _finite(1e3 * offsets.norm(dim=-1))


def _finite(errors: Tensor) -> Tensor:
    """Errors of what was not found at all are infinite."""
    return errors.nan_to_num(nan=torch.inf)
