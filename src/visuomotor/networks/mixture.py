"""Gaussians and mixtures of them as a network's output."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visuomotor.errors import CheckpointError

_LOG_2_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Gaussian:
    """A diagonal Gaussian: mean and log_variance (..., D)."""

    mean: Tensor
    log_variance: Tensor

    def log_prob(self, z: Tensor) -> Tensor:
        """Log densities (...) of z (..., D)."""
        squared = (z - self.mean).square() * torch.exp(-self.log_variance)
        return -0.5 * (squared + self.log_variance + _LOG_2_PI).sum(-1)

    def sample(self, generator: torch.Generator) -> Tensor:
        """One sample (..., D), through which gradients reach mean and variance."""
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype)
        return self.mean + torch.exp(0.5 * self.log_variance) * noise.to(self.mean.device)


@dataclass(frozen=True)
class Mixture:
    """M diagonal Gaussians: logits (..., M) of their weights, means, log_variances (..., M, D)."""

    logits: Tensor
    means: Tensor
    log_variances: Tensor

    @property
    def log_weights(self) -> Tensor:
        """(..., M)."""
        return torch.log_softmax(self.logits, dim=-1)

    def mode_log_probs(self, z: Tensor) -> Tensor:
        """Log densities (..., M) of z (..., D) under each component, without its weight."""
        return Gaussian(self.means, self.log_variances).log_prob(z[..., None, :])

    def log_prob(self, z: Tensor) -> Tensor:
        """Log densities (...) of z (..., D)."""
        return torch.logsumexp(self.log_weights + self.mode_log_probs(z), dim=-1)

    def sample(
        self,
        generator: torch.Generator,
        count: int = 1,
        temperature: float = 1.0,
        likeliest: bool = False,
        least_share: float = 0.0,
    ) -> tuple[Tensor, Tensor]:
        """Components (..., count) and samples (..., count, D), without gradients.

        temperature: scales the components' standard deviations. likeliest: always of the component
        with the greatest weight, instead of one drawn by its weight. least_share: components with
        less than this share of the greatest weight are never drawn. Raises CheckpointError where
        the components' weights are not finite.
        """
        with torch.no_grad():
            if not self.logits.isfinite().all():
                raise CheckpointError(
                    "mixture: got weights of its components that are not finite, expected numbers "
                    "to draw by; the network or its normaliser is damaged, or what it sees is far "
                    "from what it was trained on: check both, or train it again"
                )
            shape, (modes, size) = self.logits.shape[:-1], self.means.shape[-2:]
            weights = self.log_weights.exp().reshape(-1, modes)
            weights = weights * (weights >= least_share * weights.amax(-1, keepdim=True))
            if likeliest:
                chosen = weights.argmax(-1, keepdim=True).expand(-1, count)
            else:
                drawn = torch.multinomial(
                    weights.cpu(), count, replacement=True, generator=generator
                )
                chosen = drawn.to(weights.device)
            index = chosen[..., None].expand(-1, -1, size)  # (N, count, D)
            means = self.means.reshape(-1, modes, size).gather(1, index)
            spread = (0.5 * self.log_variances).exp().reshape(-1, modes, size).gather(1, index)
            noise = torch.randn(means.shape, generator=generator, dtype=means.dtype)
            samples = means + temperature * spread * noise.to(means.device)
        return chosen.reshape(*shape, count), samples.reshape(*shape, count, size)


class MixtureLayer(nn.Module):
    """Features (..., F) -> a Mixture of `modes` components of `size` dimensions.

    bounds: the log-variances are kept within. apart: standard deviation of the first means, so that
    the components begin in different places and each can become one of several ways.
    """

    def __init__(
        self,
        features: int,
        modes: int,
        size: int,
        bounds: tuple[float, float],
        apart: float = 1.0,
    ) -> None:
        super().__init__()
        self.modes, self.size, self.bounds = modes, size, bounds
        self.layer = nn.Linear(features, modes * (1 + 2 * size))
        if modes > 1:
            nn.init.normal_(self.layer.bias.data[modes : modes * (1 + size)], std=apart)

    def forward(self, features: Tensor) -> Mixture:
        """See the class."""
        m, d = self.modes, self.size
        logits, means, spreads = self.layer(features).split([m, m * d, m * d], dim=-1)
        shape = (*logits.shape, d)
        return Mixture(logits, means.reshape(shape), spreads.reshape(shape).clamp(*self.bounds))
