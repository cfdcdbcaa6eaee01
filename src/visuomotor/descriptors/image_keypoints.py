"""Descriptors as keypoints in one image: where in the image they are, from colour alone (DD-2D)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.network import DescriptorNetwork, match_logits
from visuomotor.networks import Grid, local_expectation, pixel_lattice, pixels_to_cells, sample_map


def locate_in_image(
    network: DescriptorNetwork, reference: Tensor, color: Tensor, config: DescriptorConfig
) -> tuple[Tensor, Tensor]:
    """Pixels (B, K, 2) as (u, v) of reference descriptors (K, D) in images (B, H, W, 3) uint8.

    And their confidence (B, K) in [0, 1], as `keypoints.locate` gives it.
    """
    return locate_in_image_map(
        network.describe(color), reference, color.shape[1:3], network.grid, config
    )


def locate_in_image_map(
    maps: Tensor, reference: Tensor, size: Sequence[int], grid: Grid, config: DescriptorConfig
) -> tuple[Tensor, Tensor]:
    """As `locate_in_image`, of descriptor maps (B, D, h, w) of images of size (H, W)."""
    pixels = pixel_lattice(size[0], size[1], config.pixel_step).to(maps)  # (M, 2)
    cells = pixels_to_cells(pixels, grid).expand(len(maps), -1, -1)
    descriptors = sample_map(maps, cells).transpose(1, 2)[..., None]  # (B, D, M, 1)
    logits = match_logits(reference.expand(len(maps), -1, -1), descriptors)  # (B, K, M)
    log_weights = config.sharpness * (logits - reference.square().sum(1, keepdim=True))
    likeness = log_weights.amax(-1).clamp_max(0).exp()
    found, mass = local_expectation(
        torch.softmax(log_weights, -1), pixels.expand(len(maps), -1, -1), config.radius_px
    )
    return found, likeness * mass
