"""A backbone whose cells know nothing but their own surroundings.

Every layer, the norms too, looks at one place at a time, so that a crop of the image has the
features that it has within the image, up to borders. A norm over the whole map (GroupNorm) would
tell every cell what the rest of the image is like.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.networks.backbone import Backbone
from visuomotor.networks.precision import full_precision

Padding = Literal["zeros", "replicate"]


class LocalBackbone(Backbone):
    """Five convolutions of stride 4 in all; H and W are multiples of 4.

    padding: `zeros` tells the network how far the border is, `replicate` does not. The strided
    layers have even kernels, so that a receptive field (34 pixels wide) is centred on its cell.
    The last layer is normalised but not rectified: features of either sign.
    """

    def __init__(
        self, channels: tuple[int, ...] = (32, 48, 64, 64, 64), padding: Padding = "replicate"
    ) -> None:
        super().__init__()
        self.stride, self.channels = 4, channels[-1]
        layers: list[nn.Module] = []
        before = 3
        for i, after in enumerate(channels):
            kernel, stride = (4, 2) if i < 2 else (3, 1)
            layers += [
                nn.Conv2d(before, after, kernel, stride, 1, padding_mode=padding),
                CellNorm(after),
                nn.ReLU(),
            ]
            before = after
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, H/4, W/4)."""
        features: Tensor = self.layers(images)
        return features


class CellNorm(nn.Module):
    """Layer normalisation over the channels of each cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, h, w), of the same dtype; sums are in float32 in any case.

        Outside of autocast, whose way there and back takes twice the time of the norm itself.
        """
        cells = x.permute(0, 2, 3, 1)
        if x.device.type != "cpu":  # a GPU's takes weights of the same dtype alone
            cells = cells.to(self.norm.weight.dtype)
        with full_precision(x.device):
            y = F.layer_norm(
                cells, self.norm.normalized_shape, self.norm.weight, self.norm.bias
            ).to(x.dtype)
        return y.permute(0, 3, 1, 2)
