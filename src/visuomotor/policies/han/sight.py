"""What a hand-eye action network is given of one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.descriptors.matching import Views
from visuomotor.errors import ConfigError
from visuomotor.networks import normalise_color
from visuomotor.policies.han.config import STRIDE, HanConfig
from visuomotor.policies.han.regions import cell_points, grid_corners, random_corners


@dataclass(frozen=True)
class Sight:
    """One camera's part of a batch.

    images (B, 3, H, W) in [-1, 1]; points (B, M, 3) in base and measured (B, M) of the map's M
    cells; K (B, 3, 3), T_base_camera (B, 4, 4); corners (B, N, 2): the regions' top-left cells as
    (row, column), none of them where the region is the image.
    """

    images: Tensor
    points: Tensor
    measured: Tensor
    K: Tensor
    T_base_camera: Tensor
    corners: Tensor


def sight_of(views: Views, corners: Tensor) -> Sight:
    """The sight of B views and the regions at corners (B, N, 2)."""
    points, measured = cell_points(views.depth_m, views.K, views.T_base_camera, STRIDE)
    return Sight(
        normalise_color(views.color), points, measured, views.K, views.T_base_camera, corners
    )


def map_size(image_size: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of cells of images of size (H, W), which are multiples of the stride."""
    h, w = image_size
    if h % STRIDE or w % STRIDE:
        raise ConfigError(
            f"han: got images of {w}x{h}, expected width and height to be multiples of {STRIDE}"
        )
    return h // STRIDE, w // STRIDE


def training_corners(
    config: HanConfig, image_size: Sequence[int], batch: int, generator: torch.Generator
) -> Tensor:
    """Random regions (B, N, 2), others for every image."""
    if config.attention == "whole":
        return torch.zeros(batch, 1, 2, dtype=torch.long)
    return random_corners(config.windows, map_size(image_size), config.window, batch, generator)


def acting_corners(config: HanConfig, image_size: Sequence[int]) -> Tensor:
    """The regions (1, N, 2) at run time: always the same, so that they add no noise to actions."""
    if config.attention == "whole":
        return torch.zeros(1, 1, 2, dtype=torch.long)
    corners = grid_corners(map_size(image_size), config.window, config.step_px // STRIDE)
    return corners[None]
