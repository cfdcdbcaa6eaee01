"""The dense descriptor network: every cell of an image gets a point in descriptor space."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.errors import ConfigError
from visuomotor.networks import Backbone, Grid, make_backbone, normalise_color


class DescriptorNetwork(nn.Module):
    """Backbone and a 1x1 layer; descriptors are not normalised (Florence 2019, chapter 4).

    Where nothing is learned, the descriptors are the backbone's features at unit length.
    """

    def __init__(self, config: DescriptorConfig) -> None:
        """Raises ConfigError for a backbone that does not exist or does not fit."""
        super().__init__()
        self.backbone: Backbone = make_backbone(
            config.backbone, width=config.width, stride=config.stride
        )
        channels = self.backbone.channels
        if config.learned != "all":
            self.backbone.freeze()
        self.head: nn.Module = _UnitLength()
        if config.learned != "nothing":
            self.head = nn.Conv2d(channels, config.dimensions, 1)
        elif config.dimensions != channels:
            raise ConfigError(
                f"descriptors: got dimensions {config.dimensions} and learned: nothing; expected "
                f"{channels}, the channels of {config.backbone}, or learned: head"
            )

    @property
    def stride(self) -> int:
        """Pixels per cell."""
        return self.backbone.stride

    @property
    def grid(self) -> Grid:
        """Where the cells are in the image."""
        return self.backbone.grid

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> descriptors (B, D, h, w), one per cell of `grid`."""
        descriptors: Tensor = self.head(self.backbone(images))
        return descriptors

    def describe(self, color: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 RGB -> descriptors (B, D, h, w)."""
        descriptors: Tensor = self(normalise_color(color))
        return descriptors


class _UnitLength(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(features, dim=1)


def match_logits(queries: Tensor, descriptors: Tensor) -> Tensor:
    """-|d - d*|^2 up to a term that the softmax over cells cancels: 2 d* d - |d|^2.

    queries (B, N, D), descriptors (B, D, h, w) -> logits (B, N, h*w); one matrix product.
    """
    d = descriptors.flatten(2)  # (B, D, M)
    return 2.0 * queries @ d - d.square().sum(1, keepdim=True)
