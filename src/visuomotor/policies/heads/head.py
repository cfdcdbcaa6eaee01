"""The network from points or features and the robot's state to a normalised action."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visuomotor.errors import ConfigError
from visuomotor.networks import mlp
from visuomotor.policies.heads.config import HeadConfig
from visuomotor.policies.heads.robot import RobotInputs
from visuomotor.policies.heads.scales import Scales

LENGTH_M = 0.1
"""One unit of relative positions and heights."""
ROTATION_RAD, WIDTH_M = 0.1, 0.04
MIDDLE_WEIGHT = 4.0
"""The middle of K points weighs like some copies of it, as where each is taken from the hand."""
MIDDLE_M = (0.5, 0.0)
"""Zero of the hand's place on the table, where that is an input."""
OUTPUTS = 7

State = tuple[Tensor, Tensor]
"""An LSTM's hidden and cell state, (1, B, units) each."""


class PolicyHead(nn.Module):
    """MLP or LSTM; its last output is a logit of the gripper's width between its two extremes.

    Points in space enter relative to the hand only (and with its height above the table), so that
    what was learned in one place holds in another. Features without a place in space enter as they
    are, beside the hand's place.
    """

    def __init__(self, config: HeadConfig, shape: tuple[int, ...]) -> None:
        """shape: of what is seen, (K, 3) for points in base or (F,) for features."""
        super().__init__()
        self.config, self.shape = config, shape
        self.absolute = config.absolute or len(shape) == 1
        inputs = _sight_inputs(config, shape) + (3 if self.absolute else 1) + 3 + 1
        if config.kind == "mlp":
            self.net: nn.Module = mlp(inputs, config.hidden, OUTPUTS, config.dropout)
        else:
            *before, last = config.hidden
            self.before = nn.Sequential(
                mlp(inputs, before, last, config.dropout),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.LayerNorm(last),
            )
            self.lstm = nn.LSTM(last, config.units, batch_first=True)
            self.net = nn.Linear(config.units, OUTPUTS)

    def inputs(self, seen: Tensor, robot: RobotInputs, scales: Scales) -> Tensor:
        """What the network is given (..., inputs) of what is seen (..., K, 3) or (..., F)."""
        if len(self.shape) == 2:
            sight = self._points(seen, robot.position)
        else:
            sight = (seen - scales.seen) / scales.spread
        place = robot.position[..., 2:]
        if self.absolute:
            place = robot.position - robot.position.new_tensor((*MIDDLE_M, 0.0))
        return torch.cat(
            [
                sight,
                place / LENGTH_M,
                robot.rotation / ROTATION_RAD,
                robot.width[..., None] / WIDTH_M,
            ],
            dim=-1,
        )

    def _points(self, points: Tensor, hand: Tensor) -> Tensor:
        if self.config.points == "absolute":
            return ((points - points.new_tensor((*MIDDLE_M, 0.0))) / LENGTH_M).flatten(-2)
        if self.config.points == "relative":
            return ((points - hand[..., None, :]) / LENGTH_M).flatten(-2)
        grouped = points.reshape(*points.shape[:-2], self.config.groups, -1, 3)  # (..., G, K/G, 3)
        middle = grouped.mean(-2, keepdim=True)
        about = ((grouped - middle) / LENGTH_M).flatten(-3)
        away = saturated(middle[..., 0, :] - hand[..., None, :]).flatten(-2)
        return torch.cat([MIDDLE_WEIGHT * away, about], dim=-1)

    def forward(self, inputs: Tensor, state: State | None = None) -> tuple[Tensor, State | None]:
        """Outputs (..., 7) of inputs (..., I); for an LSTM (B, T, I), and its state after them.

        Outputs: the normalised delta (6) and the width's logit.
        """
        if self.config.kind == "mlp":
            return self.net(inputs), None
        y, after = self.lstm(self.before(inputs), state)
        return self.net(y), after


def saturated(offset: Tensor) -> Tensor:
    """Offsets (..., 3) in m as vectors (..., 3) of their direction, tanh(d / LENGTH_M) long."""
    distance = offset.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    direction: Tensor = offset / distance
    return direction * torch.tanh(distance / LENGTH_M)


def _sight_inputs(config: HeadConfig, shape: tuple[int, ...]) -> int:
    if len(shape) == 1:
        return shape[0]
    if shape[0] % config.groups:
        raise ConfigError(
            f"policy head: got {shape[0]} points, expected a multiple of its {config.groups} groups"
        )
    return 3 * (shape[0] + (config.groups if config.points == "saturated" else 0))
