"""A convolutional network whose features are points in the image.

Levine et al. 2016 and Finn et al. 2016: a channel-wise spatial softmax and its expectation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from visuomotor.networks.backbone import Backbone
from visuomotor.networks.grids import cell_pixels
from visuomotor.networks.spatial_softmax import expected_pixel


class SpatialEncoder(nn.Module):
    """Backbone, a 1x1 layer of P channels, and the expected place of each channel.

    The temperature of the softmax is learned, from 1 / sharpness on. The 1x1 layer is named as in a
    descriptor network, whose weights load here: its D channels then are P = D points.
    """

    def __init__(self, backbone: Backbone, points: int, sharpness: float = 1.0) -> None:
        super().__init__()
        self.backbone, self.points = backbone, points
        self.head = nn.Conv2d(backbone.channels, points, 1)
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 2 P): u and v of each point, both in [-1, 1]."""
        maps = self.head(self.backbone(images)).float()  # (B, P, h, w)
        h, w = maps.shape[-2:]
        pixels = cell_pixels(h, w, self.backbone.grid).to(maps)  # (h*w, 2)
        size = maps.new_tensor([images.shape[-1], images.shape[-2]])
        places = 2 * (pixels + 0.5) / size - 1
        return expected_pixel(self.log_sharpness.exp() * maps.flatten(2), places).flatten(1)
