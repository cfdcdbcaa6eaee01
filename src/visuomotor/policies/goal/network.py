"""The network: observations and a goal through an LSTM to actions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visuomotor.networks.running_norm import RunningNorm
from visuomotor.policies.cameras import ObservationEncoder
from visuomotor.policies.goal.action import ActionMixture, MixtureHead
from visuomotor.policies.goal.config import GoalConfig
from visuomotor.policies.heads.head import OUTPUTS, State


class GoalNetwork(nn.Module):
    """names: of the cameras; one of them sees the goal, too.

    What is seen in goals is normalised by its own spread. Final images differ from one another in
    little of what an image can show, so that unnormalised points of two goals are a tenth of a unit
    apart, and the other inputs, of unit spread, drown them.
    """

    def __init__(self, config: GoalConfig, names: tuple[str, ...]) -> None:
        super().__init__()
        config.check_cameras(names)
        self.config = config
        self.encoder = ObservationEncoder(config.encoder, len(names))
        self.goal_eye = names.index(config.goal_camera) if config.goal == "image" else None
        goal = 0 if self.goal_eye is None else self.encoder.sight
        if goal:
            self.goal_norm = RunningNorm(goal)
        self.lstm = nn.LSTM(self.encoder.features + goal, config.units, batch_first=True)
        if config.action == "mixture":
            self.action: nn.Module = MixtureHead(config.units, config.modes, config.least_spread)
        else:
            self.action = nn.Linear(config.units, OUTPUTS)

    def look_at_goal(self, images: Tensor) -> Tensor:
        """What is seen (B, S) in goal images (B, 3, H, W) in [-1, 1]."""
        assert self.goal_eye is not None  # who has no goal does not ask
        seen: Tensor = self.goal_norm(self.encoder.look(self.goal_eye, images))
        return seen

    def forward(
        self, features: Tensor, goal: Tensor | None, state: State | None = None
    ) -> tuple[Tensor | ActionMixture, State]:
        """Outputs (B, T, 7), or a mixture of them, for features (B, T, F) and a goal (B, S)."""
        inputs = features
        if goal is not None:
            every = goal[:, None].expand(-1, features.shape[1], -1)
            inputs = torch.cat([features, every], dim=-1)
        y, after = self.lstm(inputs, state)
        return self.action(y), after
