"""Convolutional backbones: an image in, a strided feature map out."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Backbone(nn.Module):
    """What every backbone has: `stride` and `channels`; forward (B, 3, H, W) -> (B, C, h, w).

    The input is RGB in [-1, 1] (`normalise_color`); h = H / stride, w = W / stride. Cell centres
    follow `networks.grids.cell_pixels` exactly, so H and W must be multiples of the stride.
    """

    stride: int
    channels: int


class CompactBackbone(Backbone):
    """Five layers of stride 4 for images around 120x160 on a CPU.

    Strided layers have even kernels (4, padding 1), so that a cell's receptive field is centred
    on the cell; 3x3 kernels with padding 1 and stride 2 would be off by half a pixel each.
    Borders are replicated: zero padding would tell the network where in the image it is.
    """

    def __init__(self, width: int = 32, dilations: tuple[int, ...] = (1, 2, 4)) -> None:
        super().__init__()
        self.stride, self.channels = 4, 2 * width
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1, padding_mode="replicate"),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1, padding_mode="replicate"),
            nn.GroupNorm(8, 2 * width),
            nn.ReLU(),
        )
        self.blocks = nn.ModuleList(_Residual(2 * width, d) for d in dilations)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, H/4, W/4)."""
        x: Tensor = self.stem(images)
        for block in self.blocks:
            x = block(x)
        return x


class _Residual(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels, channels, 3, 1, dilation, dilation=dilation, padding_mode="replicate"
        )
        self.norm = nn.GroupNorm(8, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.norm(self.conv(x)))


def normalise_color(color: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, H, W) float32 in [-1, 1]."""
    return color.permute(0, 3, 1, 2).float() / 127.5 - 1.0
