"""From keypoints and robot state to an action: features, MLP, and what its outputs mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visuomotor.errors import CheckpointError
from visuomotor.networks import mlp
from visuomotor.policies.dense.config import DensePolicyConfig

LENGTH_M = 0.1
"""One unit of relative positions and heights."""
POINTING_DOWN = torch.diag(torch.tensor([1.0, -1.0, -1.0]))


@dataclass(frozen=True)
class RobotInputs:
    """What a policy knows of the robot, B times.

    position (B, 3) m and rotation (B, 3) rotation vector in rad from pointing straight down, of
    the end effector in base; width (B,) m.
    """

    position: Tensor
    rotation: Tensor
    width: Tensor


@dataclass(frozen=True)
class Scales:
    """The normaliser, from the training data.

    points (K, 3): mean keypoints in base, what stands for one that was not seen. delta (6,):
    standard deviations of the action's delta. width (2,): least and greatest commanded width.
    """

    points: Tensor
    delta: Tensor
    width: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, for a checkpoint."""
        return {"points": self.points, "delta": self.delta, "width": self.width}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], keypoints: int, where: str) -> Scales:
        """The inverse of `tensors`; CheckpointError names what is missing or of another shape."""
        for name, shape in {"points": (keypoints, 3), "delta": (6,), "width": (2,)}.items():
            if name not in tensors:
                raise CheckpointError(f"{where}: the normaliser lacks {name}; train it again")
            if tensors[name].shape != shape:
                raise CheckpointError(
                    f"{where}: the normaliser's {name} is {tuple(tensors[name].shape)}, expected "
                    f"{shape}; take it from the same training as the weights"
                )
        return cls(tensors["points"], tensors["delta"], tensors["width"])


class DenseHead(nn.Module):
    """The MLP; its last output is a logit of the gripper's width between its two extremes.

    Positions enter relative to the hand only (and its height above the table), so that what was
    learned in one place holds in another.
    """

    def __init__(self, config: DensePolicyConfig) -> None:
        super().__init__()
        inputs = 3 * config.descriptors.keypoints + 1 + 3 + 1
        self.net = mlp(inputs, config.hidden, 7, config.dropout)

    def forward(self, points: Tensor, robot: RobotInputs) -> tuple[Tensor, Tensor]:
        """Normalised delta (B, 6) and width logit (B,) of keypoints (B, K, 3) in base."""
        relative = (points - robot.position[:, None]) / LENGTH_M  # (B, K, 3)
        height = robot.position[:, 2:] / LENGTH_M  # (B, 1)
        x = torch.cat(
            [relative.flatten(1), height, robot.rotation / 0.1, robot.width[:, None] / 0.04], dim=1
        )
        y = self.net(x)  # (B, 7)
        return y[:, :6], y[:, 6]


def fill_unseen(points: Tensor, scales: Scales) -> Tensor:
    """Keypoints (B, K, 3) with the training data's mean where they are not finite."""
    return torch.where(points.isfinite().all(-1, keepdim=True), points, scales.points)
