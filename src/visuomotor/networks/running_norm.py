"""Features in units of their own spread, whatever that is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEAST_VARIANCE = 1e-3


class RunningNorm(nn.Module):
    """Shifts and scales each feature by its mean and spread over the past batches.

    Unlike BatchNorm (Ioffe and Szegedy 2015) it also *uses* these in training: of a batch of eight
    goals that are of two kinds, the batch's own mean says mostly how many are of which kind.
    """

    mean: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(self, features: int, momentum: float = 0.02) -> None:
        super().__init__()
        self._momentum = momentum
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """(B, F) -> (B, F); no gradient goes through mean and spread."""
        if self.training:
            self._learn(x.detach().float())
        spread = (self.variance + _LEAST_VARIANCE).sqrt()
        return (x - self.mean) / spread

    def _learn(self, x: Tensor) -> None:
        """The first batches count alike, later ones by the momentum."""
        self.batches += 1
        share = max(self._momentum, 1.0 / int(self.batches))
        off = x.mean(0) - self.mean
        within = x.var(0, correction=0)
        # of the mixture of what was and what came (West 1979)
        self.variance.mul_(1 - share).add_(share * (within + (1 - share) * off.square()))
        self.mean.add_(share * off)
