"""Matching and its losses as their formulas read: what ours are measured against, and equal."""

from __future__ import annotations

import torch
from torch import Tensor

from visuomotor.descriptors.losses import CellScene, LossConfig
from visuomotor.descriptors.matching import Matches
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
        seen = p * scene.measured[:, None].float()
        mass = seen.sum(-1, keepdim=True)
        points = torch.where(scene.measured[..., None], scene.points, 0.0)
        off = (seen @ points / mass.clamp_min(0.05) - matches.points).abs().sum(-1)
        off = off * (mass[..., 0] > 0.05) * valid
        total = total + config.expectation_3d * 10.0 * off.sum() / found
    return total


def squared_distances(queries: Tensor, maps: Tensor) -> Tensor:
    """|d - d*|^2 (B, N, M) of queries (B, N, D) and maps (B, D, h, w), through (B, N, M, D)."""
    difference = queries[:, :, None] - maps.flatten(2).transpose(1, 2)[:, None]
    return difference.square().sum(-1)
