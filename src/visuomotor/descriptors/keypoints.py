"""Descriptors as keypoints: choosing K of them, and finding them again in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.masks import in_workspace, points_in_base
from visuomotor.descriptors.matching import Views
from visuomotor.descriptors.network import DescriptorNetwork, match_logits
from visuomotor.errors import DataError
from visuomotor.networks import expected_point, pixel_lattice, pixels_to_cells, sample_map

LIKELIEST = 384
"""Points of all cameras together that a keypoint's refinement looks at."""
STARTS = 8
"""Likeliest points that the refinement may start from."""


@dataclass(frozen=True)
class Keypoints:
    """K keypoints in B sets of views.

    points (B, K, 3) in base, m; NaN, with confidence 0, where a set has no valid depth in the
    workspace at all.
    confidence (B, K) in [0, 1]: how alike the best match is, times the probability near it.
    """

    points: Tensor
    confidence: Tensor


def select_pixels(points: Tensor, mask: Tensor, count: int) -> Tensor:
    """`count` pixels (K, 2) as (u, v), spread over the mask (H, W) farthest-point first.

    points (H, W, 3) in m measure the spread. The first pixel is the one nearest to the mask's
    centroid. A mask of fewer pixels repeats some. Raises DataError for an empty mask.
    """
    v, u = mask.nonzero(as_tuple=True)
    if len(u) == 0:
        raise DataError(
            "reference image: no pixel belongs to an object; check the workspace box, the depth "
            "and the extrinsics, or choose another reference"
        )
    candidates = points[v, u]  # (M, 3)
    index = int((candidates - candidates.mean(0)).norm(dim=1).argmin())
    chosen = [index]
    distance = (candidates - candidates[index]).norm(dim=1)
    while len(chosen) < count:
        index = int(distance.argmax())
        chosen.append(index)
        distance = torch.minimum(distance, (candidates - candidates[index]).norm(dim=1))
    return torch.stack([u[chosen], v[chosen]], dim=-1)


def descriptors_at(network: DescriptorNetwork, color: Tensor, pixels: Tensor) -> Tensor:
    """Descriptors (B, N, D) of images (B, H, W, 3) uint8 at pixels (B, N, 2)."""
    cells = pixels_to_cells(pixels.float(), network.stride)
    return sample_map(network.describe(color), cells)


def locate(
    network: DescriptorNetwork,
    reference: Tensor,
    cameras: Sequence[Views],
    config: DescriptorConfig,
) -> Keypoints:
    """Finds the reference descriptors (K, D) in each of B sets, seen by one or more cameras.

    One softmax runs over the back-projected pixels of *all* cameras, so a camera that does not
    see a point loses its say to one that does: sum p valid X / sum p valid in base (DD-3D;
    Florence 2019, chapter 4). With radius_m > 0 the sum is then repeated over the neighbourhood
    of its result, which takes out the pull of everything that looks a little alike.
    """
    logits, points, valid = zip(
        *(_candidates(network, reference, c, config) for c in cameras), strict=True
    )
    log_weights = torch.cat(logits, dim=2)  # (B, K, M)
    where, seen = torch.cat(points, dim=1), torch.cat(valid, dim=1)  # (B, M, 3), (B, M)
    log_weights = log_weights.masked_fill(~seen[:, None], float("-inf"))
    if config.radius_m <= 0:
        return Keypoints(expected_point(log_weights, where, seen), _likeness(log_weights))
    where = where.masked_fill(~seen[..., None], 0.0)
    centre, mass = _refined(torch.softmax(log_weights, dim=-1), where, config.radius_m)
    mass = mass.nan_to_num(0.0)  # NaN: a set without any valid point
    return Keypoints(centre, _likeness(log_weights) * mass)


def _refined(p: Tensor, points: Tensor, radius_m: float) -> tuple[Tensor, Tensor]:
    """Expectations (B, K, 3) near where most of p (B, K, M) lies, and the probability there.

    Works on the likeliest points alone; the others weigh nothing and cost most of the time.
    """
    p, index = p.topk(min(LIKELIEST, p.shape[-1]), dim=-1)  # (B, K, P)
    b, k, n = index.shape
    x = points.gather(1, index.reshape(b, -1, 1).expand(-1, -1, 3)).reshape(b, k, n, 3)
    masses = p[:, :, None] * _gaussian(x[:, :, :STARTS], x, radius_m)  # (B, K, STARTS, P)
    best = masses.sum(-1).argmax(-1)[..., None, None].expand(-1, -1, 1, 3)
    centre = x.gather(2, best)  # (B, K, 1, 3)
    for _ in range(3):
        near = p[:, :, None] * _gaussian(centre, x, radius_m)  # (B, K, 1, P)
        mass = near.sum(-1, keepdim=True)  # (B, K, 1, 1)
        centre = near @ x / mass.clamp_min(1e-30)
    return centre[:, :, 0], mass[:, :, 0, 0].clamp(0, 1)


def _candidates(
    network: DescriptorNetwork, reference: Tensor, views: Views, config: DescriptorConfig
) -> tuple[Tensor, Tensor, Tensor]:
    b, h, w = views.depth_m.shape
    pixels = pixel_lattice(h, w, config.pixel_step).to(views.depth_m.device)  # (M, 2)
    cells = pixels_to_cells(pixels.float(), network.stride).expand(b, -1, -1)
    descriptors = sample_map(network.describe(views.color), cells)  # (B, M, D)
    queries = reference.expand(b, -1, -1)
    logits = match_logits(queries, descriptors.transpose(1, 2)[..., None])
    logits = config.sharpness * (logits - reference.square().sum(1)[None, :, None])
    points, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
    u, v = pixels.unbind(-1)
    points, valid = points[:, v, u], valid[:, v, u]
    return logits, points, valid & in_workspace(points, config.workspace)


def _gaussian(centre: Tensor, points: Tensor, radius_m: float) -> Tensor:
    """Weights (..., C, P) of points (..., P, 3) around centres (..., C, 3)."""
    square = (centre[..., :, None, :] - points[..., None, :, :]).square().sum(-1)
    return torch.exp(-square / (2 * radius_m**2))


def _likeness(log_weights: Tensor) -> Tensor:
    return log_weights.amax(-1).clamp_max(0).exp()  # exp(-sharpness |d - d*|^2) of the best
