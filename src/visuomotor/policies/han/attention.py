"""The 3D visual attention network: a keypoint in space for every region of every camera.

Hand-Eye Action Networks, section IV-A.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visuomotor.networks import cell_pixels, pixels_to_cells, sample_map
from visuomotor.networks.local import LocalBackbone
from visuomotor.networks.precision import autocast
from visuomotor.policies.han.config import STRIDE, HanConfig
from visuomotor.policies.han.regions import masks_of, near_peak
from visuomotor.policies.han.sight import Sight, map_size

FIRST_SHARPNESS = 10.0
"""Logits over a thousand cells need some seven nats for a peak."""
_PATCH_PX = (-18.0, -6.0, 6.0, 18.0)


@dataclass(frozen=True)
class Candidates:
    """Keypoints of N regions: points (B, N, 3) in base, pixels (B, N, 2), features (B, N, 2 C).

    measured (B, N): whether there is any depth about the peak; without, the point says nothing.
    hand (B, F): what the camera shows around the end effector.
    """

    points: Tensor
    pixels: Tensor
    features: Tensor
    measured: Tensor
    hand: Tensor


class Attention(nn.Module):
    """One convolutional network for all regions of all cameras.

    A region's keypoint is the expectation of the points that its cells show, under a softmax over
    the region, about its peak; what it is like: the features there, and the region's mean.
    """

    def __init__(self, config: HanConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = LocalBackbone(config.channels, config.padding)
        self.to_logit = nn.Linear(self.backbone.channels, 1)
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(FIRST_SHARPNESS)))
        self.hand_channels = len(_PATCH_PX) ** 2 * self.backbone.channels
        self.feature_channels = 2 * self.backbone.channels

    def forward(self, sight: Sight, hand_m: Tensor) -> Candidates:
        """The candidates of one camera; hand_m (B, 3): the end effector in base."""
        size = map_size(sight.images.shape[-2:])
        look = self.look_literally if self.config.crops == "literal" else self.look
        p, features, hand = look(sight, self.hand_cells(sight, hand_m), size)
        near = p * sight.measured[:, None]  # (B, N, M)
        if self.config.keypoint == "peak":
            near = near * near_peak(p.detach(), size)
        mass = near.sum(-1, keepdim=True)
        weights = near / mass.clamp_min(1e-9)
        pixels = cell_pixels(*size, self.backbone.grid).to(p)
        return Candidates(weights @ sight.points, p @ pixels, features, mass[..., 0] > 1e-6, hand)

    def look(
        self, sight: Sight, hand_cells: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities (B, N, M) of the map's cells, features (B, N, 2 C), the hand's (B, F)."""
        features = self._features(sight.images)
        p, described = self._regions(features, self._masks(sight.images, sight.corners, size))
        return p, described, sample_map(features, hand_cells).flatten(1)

    def described(self, images: Tensor, corners: Tensor) -> Tensor:
        """What the regions at corners (B, N, 2) of images (B, 3, H, W) are like, (B, N, 2 C)."""
        masks = self._masks(images, corners, map_size(images.shape[-2:]))
        return self._regions(self._features(images), masks)[1]

    def _regions(self, features: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (B, N, M) within the masks, and features (B, N, 2 C)."""
        cells = features.flatten(2).transpose(1, 2)  # (B, M, C)
        logits = self._logits(cells)[:, None].masked_fill(~masks, float("-inf"))
        p = torch.softmax(logits, dim=-1)
        share = masks.to(p)
        share = share / share.sum(-1, keepdim=True)
        with self._half_precision(cells.device):
            at_peak, mean = (torch.cat([p, share], dim=1) @ cells).chunk(2, dim=1)
        return p, torch.cat([at_peak, mean], dim=-1).float()

    def look_literally(
        self, sight: Sight, hand_cells: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same, with a pass of the network over every region's own crop and the hand's."""
        b, n, _ = sight.corners.shape
        window = self.config.window
        top = hand_cells.mean(1, keepdim=True).round().long().flip(-1) - window // 2  # (B, 1, 2)
        top = torch.minimum(top.clamp_min(0), top.new_tensor(size) - window)
        crops = _crops(sight.images, torch.cat([sight.corners, top], dim=1), window, STRIDE)
        flat = self._features(crops.flatten(0, 1))  # (B (N + 1), C, window, window)
        features = flat.reshape(b, n + 1, *flat.shape[1:])
        of_hand, cells = features[:, -1], features[:, :-1].flatten(3).transpose(2, 3)
        local = torch.softmax(self._logits(cells), dim=-1)  # (B, N, window²)
        described = torch.cat([(local[:, :, None] @ cells)[:, :, 0], cells.mean(2)], dim=-1)
        p = local.new_zeros(b, n, size[0] * size[1])
        masks = masks_of(sight.corners, window, size)
        p = p.masked_scatter(masks, local)
        return p, described, sample_map(of_hand, hand_cells - top.flip(-1)).flatten(1)

    def _masks(self, images: Tensor, corners: Tensor, size: tuple[int, int]) -> Tensor:
        if self.config.attention == "whole":
            every = (len(images), 1, size[0] * size[1])
            return torch.ones(every, dtype=torch.bool, device=images.device)
        return masks_of(corners, self.config.window, size)

    def _features(self, images: Tensor) -> Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with self._half_precision(images.device):
            features: Tensor = self.backbone(images)
        return features.float()

    def _half_precision(self, device: torch.device) -> AbstractContextManager[object]:
        """Of features while training, never of places."""
        return autocast("auto" if self.training else "float32", device)

    def _logits(self, cells: Tensor) -> Tensor:
        """(..., M) of cells (..., M, C)."""
        logits: Tensor = self.log_sharpness.exp() * self.to_logit(cells)[..., 0]
        return logits

    def hand_cells(self, sight: Sight, hand_m: Tensor) -> Tensor:
        """Cells (B, P, 2) as (u, v) of a lattice of pixels around the end effector's."""
        R, t = sight.T_base_camera[:, :3, :3], sight.T_base_camera[:, :3, 3]
        in_camera = ((hand_m - t)[:, None] @ R)[:, 0]
        homogeneous = (sight.K @ in_camera[..., None])[..., 0]
        pixel = homogeneous[:, :2] / homogeneous[:, 2:].clamp_min(0.05)
        size = pixel.new_tensor([sight.images.shape[-1], sight.images.shape[-2]])
        pixel = torch.minimum(pixel.clamp_min(0.0), size - 1.0)
        steps = pixel.new_tensor(_PATCH_PX)
        vv, uu = torch.meshgrid(steps, steps, indexing="ij")
        lattice = pixel[:, None] + torch.stack([uu, vv], dim=-1).reshape(-1, 2)
        return pixels_to_cells(lattice, self.backbone.grid)


def _crops(images: Tensor, corners: Tensor, window: int, stride: int) -> Tensor:
    """Crops (B, N, 3, s, s) of images (B, 3, H, W) at the top-left cells (B, N, 2)."""
    side = torch.arange(window * stride, device=images.device)
    rows = (stride * corners[..., 0])[..., None] + side  # (B, N, s)
    columns = (stride * corners[..., 1])[..., None] + side
    batch = torch.arange(len(images), device=images.device)[:, None, None, None]
    picked = images.permute(0, 2, 3, 1)[batch, rows[..., :, None], columns[..., None, :]]
    return picked.permute(0, 1, 4, 2, 3)
