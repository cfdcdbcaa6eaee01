"""The planner: a conditional VAE over an observation and the one some steps later.

GTI, stage 1: the posterior encodes the present and the future observation, the decoder reconstructs
the future, and the prior is a mixture that is learned, given the present alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visuomotor.networks import Gaussian, Mixture, MixtureLayer, mlp
from visuomotor.policies.cameras import ROBOT
from visuomotor.policies.gti.config import GtiConfig

LOG_VARIANCES = (-7.0, 2.0)
"""Within which those of posterior and prior are kept: a component that no latent comes near, or
one that has a single latent, would otherwise grow or shrink without end."""


@dataclass(frozen=True)
class Subgoal:
    """What a latent stands for: the normalised robot state (B, 7) and images (B, N, 3, P, P).

    The images, of all N cameras, are in [-1, 1] up to the network's errors.
    """

    robot: Tensor
    images: Tensor


class Planner(nn.Module):
    """Posterior, prior and decoder on features (B, F) of observations by `cameras` cameras."""

    def __init__(self, config: GtiConfig, features: int, cameras: int) -> None:
        super().__init__()
        self.config = config
        self.drawn = (cameras, 3, config.drawn_px, config.drawn_px)
        *hidden, last = config.planner
        self.encoder = mlp(2 * features, config.planner, 2 * config.latent)
        self.prior_layers = nn.Sequential(mlp(features, hidden, last), nn.ReLU())
        self.prior_mixture = MixtureLayer(last, config.modes, config.latent, LOG_VARIANCES)
        seen = config.latent + (features if config.conditioned else 0)
        pixels = cameras * 3 * config.drawn_px**2
        self.decoder = mlp(seen, config.planner, ROBOT + pixels)

    def posterior(self, now: Tensor, future: Tensor) -> Gaussian:
        """Of the latent (B, D), given both observations."""
        mean, log_variance = self.encoder(torch.cat([now, future], dim=-1)).chunk(2, dim=-1)
        return Gaussian(mean, log_variance.clamp(*LOG_VARIANCES))

    def prior(self, now: Tensor) -> Mixture:
        """Of the latent, given the present observation."""
        mixture: Mixture = self.prior_mixture(self.prior_layers(now))
        return mixture

    def decode(self, z: Tensor, now: Tensor) -> Subgoal:
        """The future observation that latents (B, D) stand for."""
        seen = torch.cat([z, now], dim=-1) if self.config.conditioned else z
        robot, pixels = self.decoder(seen).tensor_split([ROBOT], dim=-1)
        return Subgoal(robot, pixels.reshape(-1, *self.drawn))


def divergence(posterior: Gaussian, prior: Mixture, z: Tensor) -> Tensor:
    """KL(posterior || prior) (B,), estimated by one sample z (B, D) of the posterior.

    Between a Gaussian and a mixture there is no closed form.
    """
    return posterior.log_prob(z) - prior.log_prob(z)


def nearest_sample(
    prior: Mixture, mean: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The sample (B, D) of `count` from the prior that is nearest to a mean (B, D), and its mode.

    Without gradients: what the controller learns on these must not move the prior.
    """
    modes, samples = prior.sample(generator, count)  # (B, n), (B, n, D)
    nearest = (samples - mean.detach()[:, None]).square().sum(-1).argmin(1)
    rows = torch.arange(len(mean), device=mean.device)
    return samples[rows, nearest], modes[rows, nearest]
