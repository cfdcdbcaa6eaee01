"""The network: what is shared, the policy's head on it, and the classifier's."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visuomotor.networks import mlp
from visuomotor.policies.gplac.config import GplacConfig
from visuomotor.policies.gplac.encoder import Encoder, Seen
from visuomotor.policies.heads import PolicyHead


class Classifier(nn.Module):
    """Whether images show the object of interest; size: (H, W) of the images.

    Of the features: the paper's layers. Of peaks: each point's logit by itself, with a gain and an
    offset. A label then says of each channel that its greatest value is, or is not, on the object
    (multiple-instance learning), and so where the object is: Oquab et al. 2015, Is object
    localization for free?
    """

    def __init__(self, config: GplacConfig, size: tuple[int, int]) -> None:
        super().__init__()
        self.peaks = config.peaks
        if config.peaks:
            self.gain = nn.Parameter(torch.ones(config.channels[-1]))
            self.offset = nn.Parameter(torch.zeros(config.channels[-1]))
        else:
            self.net = mlp(config.features(size), config.classifier, 1)

    def forward(self, features: Tensor, seen: Seen) -> Tensor:
        """Logits (B, N): one, or one of each point, all of the same question."""
        if not self.peaks:
            logits: Tensor = self.net(features)
            return logits
        assert seen.peaks is not None
        return self.gain * seen.peaks + self.offset


class GplacNetwork(nn.Module):
    """Singh et al. 2017, figure 2; size: (H, W) of the images.

    The robot's state enters the policy's head alone, beside the features. classifies: there is a
    classifier, for weakly labelled images.
    """

    def __init__(
        self, config: GplacConfig, size: tuple[int, int], classifies: bool = False
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config, size)
        self.shape = (config.features(size),)
        self.head = PolicyHead(config.head, self.shape)
        self.classifier = Classifier(config, size) if classifies else None

    def classify(self, images: Tensor) -> Tensor:
        """Logits (B, N) that images (B, 3, H, W) in [-1, 1] show the object of interest."""
        assert self.classifier is not None
        seen = self.encoder.seen(images)
        logits: Tensor = self.classifier(self.encoder.features(seen), seen)
        return logits
