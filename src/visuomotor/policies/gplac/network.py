"""The network: what is shared, the policy's head on it, and the classifier's."""

from __future__ import annotations

from torch import Tensor, nn

from visuomotor.networks import mlp
from visuomotor.policies.gplac.config import GplacConfig
from visuomotor.policies.gplac.encoder import Encoder
from visuomotor.policies.heads import PolicyHead


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
        self.classifier: nn.Sequential | None = None
        if classifies:
            self.classifier = mlp(self.shape[0], config.classifier, 1)

    def classify(self, features: Tensor) -> Tensor:
        """Logits (B,) that images of these features (B, F) show the object of interest."""
        assert self.classifier is not None
        logits: Tensor = self.classifier(features)[:, 0]
        return logits
