"""The controller: from observations and a latent to actions, until the next latent."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visuomotor.policies.gti.config import GtiConfig
from visuomotor.policies.heads.head import OUTPUTS, State


class Controller(nn.Module):
    """An LSTM whose memory begins anew with each latent."""

    def __init__(self, config: GtiConfig, features: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features + config.latent, config.units, batch_first=True)
        self.action = nn.Linear(config.units, OUTPUTS)

    def forward(
        self, features: Tensor, z: Tensor, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Outputs (B, T, 7) as a `PolicyHead`'s for features (B, T, F) and latents (B, D)."""
        every = z[:, None].expand(-1, features.shape[1], -1)
        y, after = self.lstm(torch.cat([features, every], dim=-1), state)
        return self.action(y), after
