"""Convolutional backbones: an image in, a strided feature map out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.networks.grids import Grid


class Backbone(nn.Module):
    """What every backbone has: `stride` and `channels`; forward (B, 3, H, W) -> (B, C, h, w).

    The input is RGB in [-1, 1] (`normalise_color`); what else a network's weights expect, it does
    itself. h = ceil(H / stride), w = ceil(W / stride), and cell centres follow `grid` exactly: an
    image that must grow for that is padded at its right and bottom, which moves no cell.
    """

    stride: int
    channels: int
    offset_px: float = 0.0  # from where `networks.grids.cell_pixels` puts a plain stride's cells
    frozen: bool = False

    @property
    def grid(self) -> Grid:
        """Where the cells are in the image."""
        return Grid(self.stride, self.offset_px)

    def freeze(self) -> None:
        """Learns nothing from here on: no gradients, and norms keep their statistics."""
        self.frozen = True
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Backbone:
        """As `nn.Module.train`, but a frozen backbone stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    def adapt(self, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Published weights under this module's names; those that it lacks may stay in."""
        return dict(published)


class CompactBackbone(Backbone):
    """Five layers of stride 4 for images around 120x160 on a CPU; H and W are multiples of 4.

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


class ImageNetColor(nn.Module):
    """RGB in [-1, 1] -> the mean and deviation that networks trained on ImageNet expect."""

    def __init__(self) -> None:
        super().__init__()
        self.scale: Tensor
        self.shift: Tensor
        mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        self.register_buffer("scale", (0.5 / deviation)[:, None, None], persistent=False)
        self.register_buffer("shift", ((0.5 - mean) / deviation)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 3, H, W)."""
        scaled: Tensor = images * self.scale + self.shift
        return scaled


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Repeats the last row and column of (B, C, H, W) until H and W are multiples."""
    h, w = images.shape[-2:]
    return F.pad(images, (0, -w % multiple, 0, -h % multiple), mode="replicate")


def normalise_color(color: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, H, W) float32 in [-1, 1]."""
    copy = color.permute(0, 3, 1, 2).to(torch.float32, copy=True)
    # in place: each fresh array of a batch is pages from the system, dearer than the arithmetic
    return copy.div_(127.5).sub_(1.0)
