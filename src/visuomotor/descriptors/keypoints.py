"""Descriptors as keypoints: choosing K of them, and finding them again in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.masks import deproject, in_workspace
from visuomotor.descriptors.matching import Views
from visuomotor.descriptors.network import DescriptorNetwork, match_logits
from visuomotor.errors import DataError
from visuomotor.networks import Grid, pixel_lattice, pixels_to_cells, sample_map

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
    cells = pixels_to_cells(pixels.float(), network.grid)
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

    The network sees all images of one size at once; then every set has its own number of pixels
    with depth in the workspace, and nothing is spent on the others.
    """
    maps = describe(network, [c.color for c in cameras])
    return locate_in_maps(maps, cameras, reference, network.grid, config)


def locate_in_maps(
    maps: Sequence[Tensor],
    cameras: Sequence[Views],
    reference: Tensor,
    grid: Grid,
    config: DescriptorConfig,
) -> Keypoints:
    """As `locate`, of descriptor maps (B, D, h, w) that are known, one per camera."""
    found = []
    for i in range(len(cameras[0].depth_m)):
        seen = [
            _candidates(m[i], views, i, grid, config)
            for m, views in zip(maps, cameras, strict=True)
        ]
        descriptors, points = (torch.cat(part) for part in zip(*seen, strict=True))
        found.append(_locate_among(descriptors, points, reference, config))
    points, confidence = (torch.stack(part) for part in zip(*found, strict=True))
    return Keypoints(points, confidence)


def describe(network: DescriptorNetwork, images: Sequence[Tensor]) -> list[Tensor]:
    """Descriptor maps (B, D, h, w) of images (B, H, W, 3) uint8, one per camera."""
    if len({i.shape for i in images}) > 1:
        return [network.describe(i) for i in images]
    return list(network.describe(torch.cat(list(images))).chunk(len(images)))


def _candidates(
    descriptors: Tensor, views: Views, index: int, grid: Grid, config: DescriptorConfig
) -> tuple[Tensor, Tensor]:
    """Descriptors (M, D) and points in base (M, 3) of one image's pixels in the workspace.

    descriptors: its map (D, h, w).
    """
    depth_m = views.depth_m[index]
    h, w = depth_m.shape
    pixels = pixel_lattice(h, w, config.pixel_step).to(depth_m.device)  # (all of them, 2)
    u, v = pixels.unbind(-1)
    points, valid = deproject(pixels, depth_m[v, u], views.K[index], views.T_base_camera[index])
    kept = (valid & in_workspace(points, config.workspace)).nonzero()[:, 0]
    cells = pixels_to_cells(pixels[kept].float(), grid)
    return sample_map(descriptors[None], cells[None])[0], points[kept]


def _locate_among(
    descriptors: Tensor, points: Tensor, reference: Tensor, config: DescriptorConfig
) -> tuple[Tensor, Tensor]:
    """Keypoints (K, 3) and their confidence (K,) among M descriptors (M, D) at points (M, 3)."""
    if not len(points):
        return points.new_full((len(reference), 3), torch.nan), points.new_zeros(len(reference))
    logits = match_logits(reference[None], descriptors.T[None, :, :, None])[0]
    log_weights = config.sharpness * (logits - reference.square().sum(1, keepdim=True))  # (K, M)
    likeness = log_weights.amax(-1).clamp_max(0).exp()  # exp(-sharpness |d - d*|^2) of the best
    p = torch.softmax(log_weights, dim=-1)
    if config.radius_m <= 0:
        return p @ points, likeness
    centre, mass = _refined(p, points, config.radius_m)
    return centre, likeness * mass


def _refined(p: Tensor, points: Tensor, radius_m: float) -> tuple[Tensor, Tensor]:
    """Expectations (K, 3) near where most of p (K, M) lies, and the probability (K,) there.

    Works on the likeliest points alone; the others weigh nothing and cost most of the time.
    """
    p, index = p.topk(min(LIKELIEST, p.shape[-1]), dim=-1)  # (K, P)
    x = points[index]  # (K, P, 3)
    masses = _gaussian(x[:, :STARTS], x, radius_m) @ p[..., None]  # (K, STARTS, 1)
    best = masses.argmax(1, keepdim=True).expand(-1, -1, 3)
    centre = x.gather(1, best)  # (K, 1, 3)
    for _ in range(3):
        near = p[:, None] * _gaussian(centre, x, radius_m)  # (K, 1, P)
        mass = near.sum(-1, keepdim=True)  # (K, 1, 1)
        centre = near @ x / mass.clamp_min(1e-30)
    return centre[:, 0], mass[:, 0, 0].clamp(0, 1)


def _gaussian(centre: Tensor, points: Tensor, radius_m: float) -> Tensor:
    """Weights (K, C, P) of points (K, P, 3) around centres (K, C, 3)."""
    middle = points.mean(1, keepdim=True)  # differences of large squares lose digits
    centre, points = centre - middle, points - middle
    squared = (  # of the distance; torch.cdist has no gradient at zero
        centre.square().sum(-1)[..., None]
        + points.square().sum(-1)[..., None, :]
        - 2 * centre @ points.transpose(-1, -2)
    )
    return torch.exp(squared.clamp_min(0) / (-2 * radius_m**2))
