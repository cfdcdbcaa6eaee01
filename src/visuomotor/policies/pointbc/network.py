"""From a cloud and the robot's state to a chunk of relative actions: PointNet and MLP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visuomotor.checkpoint import normaliser_tensors
from visuomotor.networks import mlp
from visuomotor.policies.pointbc.config import PointBCConfig

LENGTH_M = 0.05
"""One unit of positions and heights."""
WIDTH_M = 0.04
"""One unit of the gripper's width."""
CENTRE_M = (0.5, 0.0, 0.2)
"""In base, what absolute positions of the hand are relative to."""


@dataclass(frozen=True)
class Scales:
    """The normaliser: spreads of a chunk's deltas (T, 6), and the width's extremes (2,) in m.

    longest (T, 2): the longest translation (m) and rotation (rad) that was demonstrated.
    """

    delta: Tensor
    width: Tensor
    longest: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, for a checkpoint."""
        return {"delta": self.delta, "width": self.width, "longest": self.longest}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], chunk: int, where: str) -> Scales:
        """The inverse of `tensors`; CheckpointError names what is missing or of another shape."""
        shapes = {"delta": (chunk, 6), "width": (2,), "longest": (chunk, 2)}
        return cls(**normaliser_tensors(tensors, shapes, where))


class PointBCNetwork(nn.Module):
    """A PointNet (Qi et al. 2017: one MLP for every point, then their maximum) and an MLP.

    The cloud enters in the hand's frame: neither place nor heading in the world matter. With
    `absolute` it only has the hand's origin and keeps base's axes, along which goals lie that
    are fixed in the world.
    """

    def __init__(self, config: PointBCConfig) -> None:
        super().__init__()
        self.config = config
        *inner, channels = config.layers
        self.points = mlp(6, inner, channels)  # its last ReLU comes after the maximum: the same
        robot = 1 + 3 + (5 if config.absolute else 0)
        self.head = mlp(channels + robot, config.hidden, 7 * config.chunk, config.dropout)
        # torch's own weights shrink what passes, and six layers of that learn the mean for long
        linear = [m for m in self.modules() if isinstance(m, nn.Linear)]
        for layer in linear:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.normal_(linear[-1].weight, std=0.01)

    def forward(
        self, points: Tensor, color: Tensor, T_base_ee: Tensor, width_m: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normalised deltas (B, T, 6), width logits (B, T), and who won each channel (B, C).

        points (B, N, 3) in base, m, N >= 1; color (B, N, 3) uint8; T_base_ee (B, 4, 4);
        width_m (B,). The deltas are along the axes that the cloud has (`policy.deltas_to`); the
        winners are indices of points.
        """
        R, position = T_base_ee[:, :3, :3], T_base_ee[:, :3, 3]
        local = points - position[:, None]  # (B, N, 3)
        if not self.config.absolute:
            local = local @ R
        x = torch.cat([local / LENGTH_M, color.to(local.dtype) / 255 - 0.5], dim=-1)
        pooled, winners = self._pool(x)  # (B, C)
        pooled = pooled.relu()
        # the hand's x and y axis against the vertical: its tilt, without its heading
        robot = [width_m[:, None] / WIDTH_M, position[:, 2:] / LENGTH_M, R[:, 2, :2] / 0.1]
        if self.config.absolute:
            place = (position - position.new_tensor(CENTRE_M)) / LENGTH_M
            robot += [place, R[:, :1, 0], R[:, 1:2, 0] / 0.1]  # the heading's cosine and sine
        y = self.head(torch.cat([pooled, *robot], dim=-1))
        y = y.unflatten(-1, (self.config.chunk, 7))  # (B, T, 7)
        return y[..., :6], y[..., 6], winners

    def _pool(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The maximum over the points, (B, C), and which point has it.

        Only the winners have a gradient: they are found without one, and they alone (some 80 of
        512) go through the layers again. The result is the same, a step takes 0.6 of the time.
        """
        if not (self.training and torch.is_grad_enabled()):
            values, winners = self.points(x).max(1)
            return values, winners
        with torch.no_grad():
            winners = self.points(x).argmax(1)
            won = torch.zeros_like(x[..., 0], dtype=torch.uint8).scatter_(1, winners, 1)
            few = won.topk(int(won.sum(1).max()), dim=1).indices  # others may fill up: no harm
        some = x.gather(1, few[..., None].expand(-1, -1, x.shape[-1]))
        return self.points(some).max(1).values, winners
