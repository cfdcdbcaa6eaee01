"""The convolutions that policy and classifier share, and the feature points at their end.

Singh et al. 2017, section 5: the points are all that the policy learns of an image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from visuomotor.networks import Backbone, cell_pixels
from visuomotor.networks.local import CellNorm
from visuomotor.networks.precision import autocast, full_precision
from visuomotor.policies.gplac.config import GplacConfig

_GROUPS = 8


@dataclass(frozen=True)
class Seen:
    """Of images: places (B, K, 2) of points, both in [-1, 1], or, without attention, a map (B, F).

    peaks (B, K): of each point the logit that its softmax expects, about the greatest of its
    channel; None without attention.
    """

    places: Tensor
    peaks: Tensor | None


class Convolutions(Backbone):
    """Five 3x3 layers, the first one strided; the norms are between them.

    The last map's channels are logits of the points, or features of a plain network.
    """

    def __init__(self, config: GplacConfig) -> None:
        super().__init__()
        self.stride, self.channels = config.stride, config.channels[-1]
        self.offset_px = (1 - config.stride) / 2  # cell c is centred on pixel stride * c
        layers: list[nn.Module] = []
        before = 3
        for i, after in enumerate(config.channels):
            stride = config.stride if i == 0 else 1
            layers += [
                nn.Conv2d(before, after, 3, stride, 1, padding_mode=config.padding),
                _norm(config, after),
                nn.ReLU(),
            ]
            before = after
        self.layers = nn.Sequential(*(layers if config.network == "plain" else layers[:-2]))

    @property
    def first(self) -> nn.Conv2d:
        """The first layer."""
        layer = self.layers[0]
        assert isinstance(layer, nn.Conv2d)
        return layer

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, ceil(H / stride), ceil(W / stride))."""
        maps: Tensor = self.layers(images)
        return maps


class Encoder(nn.Module):
    """An image as the features that the heads are given; size: (H, W) of all images."""

    def __init__(self, config: GplacConfig, size: tuple[int, int]) -> None:
        super().__init__()
        self.config, self.size = config, size
        self.backbone = Convolutions(config)
        self.dropout = nn.Dropout(config.dropout)
        inputs = config.features(size)
        if config.network == "attentional":
            self.log_sharpness = nn.Parameter(torch.tensor(math.log(config.sharpness)))
        layers: list[nn.Module] = []
        if config.shared:
            inputs = replace(config, shared=()).features(size)
        for units in config.shared:
            layers += [nn.Linear(inputs, units), nn.ReLU()]
            inputs = units
        self.shared = nn.Sequential(*layers)

    def seen(self, images: Tensor) -> Seen:
        """What is seen in images (B, 3, H, W) in [-1, 1]."""
        with autocast("auto" if self.training else "float32", images.device):
            features: Tensor = self.backbone(images.contiguous())  # norms are faster so
        maps = features.float()  # places need more digits than features
        if self.config.network == "plain":
            return Seen(maps.flatten(1), None)
        h, w = maps.shape[-2:]
        pixels = cell_pixels(h, w, self.backbone.grid).to(maps)
        places = 2 * (pixels + 0.5) / maps.new_tensor([images.shape[-1], images.shape[-2]]) - 1
        logits = maps.flatten(2)
        with full_precision(images.device):
            weights = torch.softmax(self.log_sharpness.exp() * logits, dim=-1)
            return Seen(weights @ places, (weights * logits).sum(-1))

    def features(self, seen: Seen) -> Tensor:
        """Features (B, F) of what is seen; coordinates are dropped out while training."""
        features: Tensor = self.shared(self.dropout(seen.places.flatten(1)))
        return features

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, F)."""
        return self.features(self.seen(images))


def _norm(config: GplacConfig, channels: int) -> nn.Module:
    if config.norm == "batch":
        return nn.BatchNorm2d(channels)
    if config.norm == "cell":
        return CellNorm(channels)
    return nn.GroupNorm(math.gcd(_GROUPS, channels), channels)
