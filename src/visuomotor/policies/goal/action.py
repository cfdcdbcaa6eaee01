"""A mixture over actions: what several demonstrators would do here."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.networks import Mixture, MixtureLayer

_WIDEST = 2.0
"""The log-variance of a component is at most this."""


@dataclass(frozen=True)
class ActionMixture:
    """Of normalised deltas (..., 6), and each component's logit (..., M) of the gripper's width."""

    delta: Mixture
    width_logits: Tensor

    def log_likelihood(self, delta: Tensor, open_share: Tensor, width_weight: float) -> Tensor:
        """(...) of normalised deltas (..., 6) and widths (...), as shares of the greatest one."""
        share = open_share[..., None].expand_as(self.width_logits)
        width = -F.binary_cross_entropy_with_logits(self.width_logits, share, reduction="none")
        modes = self.delta.log_weights + self.delta.mode_log_probs(delta) + width_weight * width
        return torch.logsumexp(modes, dim=-1)

    def likeliest(self) -> Tensor:
        """A head's outputs (..., 7): the mean of the component with the greatest weight."""
        best = self.delta.logits.argmax(-1, keepdim=True)
        mean = self.delta.means.gather(-2, best[..., None].expand(*best.shape, 6))[..., 0, :]
        return torch.cat([mean, self.width_logits.gather(-1, best)], dim=-1)

    def sample(self, generator: torch.Generator) -> Tensor:
        """A head's outputs (..., 7), drawn."""
        mode, delta = self.delta.sample(generator)
        return torch.cat([delta[..., 0, :], self.width_logits.gather(-1, mode)], dim=-1)


class MixtureHead(nn.Module):
    """Features (..., F) -> ActionMixture."""

    def __init__(self, features: int, modes: int, least_spread: float) -> None:
        super().__init__()
        bounds = (2 * math.log(least_spread), _WIDEST)
        self.delta = MixtureLayer(features, modes, 6, bounds)
        self.width = nn.Linear(features, modes)

    def forward(self, features: Tensor) -> ActionMixture:
        """See the class."""
        return ActionMixture(self.delta(features), self.width(features))
