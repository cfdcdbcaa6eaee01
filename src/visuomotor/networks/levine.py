"""The convolutions of Levine et al. 2016, for policies that learn their own feature points."""

from __future__ import annotations

from torch import Tensor, nn

from visuomotor.networks.backbone import Backbone, pad_to_multiple

STRIDES = (2, 4)


class LevineBackbone(Backbone):
    """7x7 of 64 channels and stride 2, then two 5x5 of 32, each with ReLU.

    Stride 2 as published, for images of 240x240; 4, in the second layer too, is a third of the
    work. Cell c is centred on pixel stride * c; `grid` takes that in.
    """

    def __init__(self, stride: int = 4) -> None:
        """Raises ValueError for another stride than 2 or 4."""
        super().__init__()
        if stride not in STRIDES:
            raise ValueError(f"levine: got stride {stride}, expected one of {STRIDES}")
        self.stride, self.channels = stride, 32
        self.offset_px = (1 - stride) / 2
        self.layers = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3),
            nn.ReLU(),
            nn.Conv2d(64, 32, 5, stride // 2, 2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 5, 1, 2),
            nn.ReLU(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 32, ceil(H/stride), ceil(W/stride))."""
        features: Tensor = self.layers(pad_to_multiple(images, self.stride))
        return features
