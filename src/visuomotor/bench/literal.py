"""Matching and its losses as their formulas read: what ours are measured against, and equal."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.losses import CellScene, LossConfig
from visuomotor.descriptors.masks import in_workspace, points_in_base
from visuomotor.descriptors.matching import Matches, Views
from visuomotor.descriptors.soft_matching import FEWEST_MEASURED
from visuomotor.networks import Grid, cell_pixels, pixels_to_cells, sample_map


def literal_loss(
    descriptors_a: Tensor,
    descriptors_b: Tensor,
    matches: Matches,
    grid: Grid | int,
    config: LossConfig,
    scenes: tuple[CellScene, CellScene] | None = None,
) -> Tensor:
    """`correspondence_loss(...).total` without its contrastive term.

    All differences d - d* are written out, (B, N, h*w, D), and so are the target distributions.
    """
    scene_a, scene_b = scenes or (None, None)
    there = _one_way(descriptors_a, descriptors_b, matches, grid, config, scene_b)
    back = _one_way(descriptors_b, descriptors_a, matches.flipped(), grid, config, scene_a)
    return 0.5 * (there + back)


def _one_way(
    source: Tensor,
    target: Tensor,
    matches: Matches,
    grid: Grid | int,
    config: LossConfig,
    scene: CellScene | None,
) -> Tensor:
    h, w = target.shape[-2:]
    queries = sample_map(source, pixels_to_cells(matches.pixels_a, grid))
    log_weights = -squared_distances(queries, target)  # (B, N, M)
    cells = cell_pixels(h, w, 1).to(target)
    places = pixels_to_cells(matches.pixels_b, grid)
    valid, none = matches.valid.float(), matches.known_only()[0].float()
    with_none = log_weights
    total = target.new_zeros(())
    if config.no_match > 0:
        nowhere = torch.full_like(log_weights[..., :1], -config.nowhere)
        with_none = torch.cat([log_weights, nowhere], dim=-1)
        log_nowhere = torch.log_softmax(with_none, -1)[..., -1]
        total = total - config.no_match * (none * log_nowhere).sum() / none.sum().clamp_min(1)
    log_p = torch.log_softmax(with_none, dim=-1)[..., : h * w]
    squared = (cells - places[..., None, :]).square().sum(-1)  # (B, N, M)
    log_q = torch.log_softmax(-squared / (2 * config.sigma_cells**2), dim=-1)
    kl = (log_q.exp() * (log_q - log_p)).sum(-1)
    p = torch.softmax(log_weights, dim=-1)
    half = cells.new_tensor([w / 2, h / 2])
    l1 = ((p @ cells - places) / half).abs().sum(-1)
    found = valid.sum().clamp_min(1)
    total = total + ((config.distribution * kl + config.expectation * l1) * valid).sum() / found
    if scene is not None and config.expectation_3d > 0:
        points, mass = _expected_points(p, scene.points, scene.measured)
        off = (points - matches.points).abs().sum(-1) * (mass > FEWEST_MEASURED) * valid
        total = total + config.expectation_3d * 10.0 * off.sum() / found
    return total


def literal_expected_points(
    queries: Tensor, maps: Tensor, points: Tensor, measured: Tensor
) -> Tensor:
    """Expected points (B, N, 3) of queries (B, N, D) in maps (B, D, h, w) at points (B, h*w, 3)."""
    p = torch.softmax(-squared_distances(queries, maps), dim=-1)
    return _expected_points(p, points, measured)[0]


def literal_locate(
    maps: Sequence[Tensor], cameras: Sequence[Views], reference: Tensor, config: DescriptorConfig
) -> Tensor:
    """`locate_in_maps(...).points` (B, K, 3) for one pixel per step and without refinement.

    Of all pixels of maps (B, D, h, w) that are upsampled to the images' size.
    """
    described, points, measured = [], [], []
    for m, views in zip(maps, cameras, strict=True):
        size = views.depth_m.shape[-2:]
        full = F.interpolate(m, size=size, mode="bilinear", align_corners=False)
        described.append(full.flatten(2))
        place, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
        points.append(place.flatten(1, 2))
        measured.append((valid & in_workspace(place, config.workspace)).flatten(1))
    everything = torch.cat(described, dim=-1)[..., None]  # (B, D, M, 1)
    distances = squared_distances(reference.expand(len(everything), -1, -1), everything)
    seen = torch.cat(measured, dim=1)
    p = torch.softmax((-config.sharpness * distances).masked_fill(~seen[:, None], -torch.inf), -1)
    return _expected_points(p, torch.cat(points, dim=1), seen)[0]


def _expected_points(p: Tensor, points: Tensor, measured: Tensor) -> tuple[Tensor, Tensor]:
    """Points (B, N, 3) and the probability (B, N) on those measured, through (B, N, M, 3)."""
    seen = p * measured[:, None].float()
    mass = seen.sum(-1)
    known = torch.where(measured[..., None], points, 0.0)
    summed = (seen[..., None] * known[:, None]).sum(2)
    return summed / mass.clamp_min(FEWEST_MEASURED)[..., None], mass


def squared_distances(queries: Tensor, maps: Tensor) -> Tensor:
    """|d - d*|^2 (B, N, M) of queries (B, N, D) and maps (B, D, h, w), through (B, N, M, D)."""
    difference = queries[:, :, None] - maps.flatten(2).transpose(1, 2)[:, None]
    return difference.square().sum(-1)
