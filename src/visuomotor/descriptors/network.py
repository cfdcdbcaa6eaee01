"""The dense descriptor network: every cell of an image gets a point in descriptor space."""

from __future__ import annotations

from torch import Tensor, nn

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.networks import CompactBackbone, normalise_color


class DescriptorNetwork(nn.Module):
    """Backbone and a 1x1 layer; descriptors are not normalised (Florence 2019, chapter 4)."""

    def __init__(self, config: DescriptorConfig) -> None:
        super().__init__()
        self.backbone = CompactBackbone(config.width)
        self.head = nn.Conv2d(self.backbone.channels, config.dimensions, 1)

    @property
    def stride(self) -> int:
        """Pixels per cell."""
        return self.backbone.stride

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> descriptors (B, D, H/stride, W/stride)."""
        descriptors: Tensor = self.head(self.backbone(images))
        return descriptors

    def describe(self, color: Tensor) -> Tensor:
        """(B, H, W, 3) uint8 RGB -> descriptors (B, D, h, w)."""
        descriptors: Tensor = self(normalise_color(color))
        return descriptors


def match_logits(queries: Tensor, descriptors: Tensor) -> Tensor:
    """-|d - d*|^2 up to a term that the softmax over cells cancels: 2 d* d - |d|^2.

    queries (B, N, D), descriptors (B, D, h, w) -> logits (B, N, h*w); one matrix product.
    """
    d = descriptors.flatten(2)  # (B, D, M)
    return 2.0 * queries @ d - d.square().sum(1, keepdim=True)
