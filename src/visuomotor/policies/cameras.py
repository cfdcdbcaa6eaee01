"""The colour images of several cameras and the robot's state as features of an observation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from visuomotor.checkpoint import Checkpoint
from visuomotor.contracts import Float64, Observation
from visuomotor.networks import normalise_color
from visuomotor.networks.precision import autocast
from visuomotor.networks.running_norm import RunningNorm
from visuomotor.observations import ObservationSpec
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.bc.policy import make_encoder
from visuomotor.policies.heads import Scales, robot_inputs

ROBOT = 7
"""Numbers of the robot's state: place (3) m, turn from pointing down (3) rad, width m."""
SPREAD = 0.3
"""One unit of a point's place in an image, whose sides are 2."""


class ObservationEncoder(nn.Module):
    """An encoder of points for each of `cameras` cameras; the robot's state goes on as it is.

    Points are normalised by their own spread: a softmax over many cells moves little, and what
    moves little is not heard beside a robot's state of unit spread.
    """

    def __init__(self, config: EncoderConfig, cameras: int) -> None:
        super().__init__()
        self.eyes = nn.ModuleList(make_encoder(config) for _ in range(cameras))
        self.sight = 2 * config.points
        self.norms = nn.ModuleList(RunningNorm(self.sight) for _ in range(cameras))
        self.features = cameras * self.sight + ROBOT

    def look(self, camera: int, images: Tensor) -> Tensor:
        """Features (B, S) of one camera's images (B, 3, H, W) in [-1, 1]."""
        with autocast("auto" if self.training else "float32", images.device):
            points: Tensor = self.eyes[camera](images)
        return points / SPREAD

    def forward(self, images: Sequence[Tensor], robot: Tensor) -> Tensor:
        """Features (B, F) of each camera's images (B, 3, H, W) and robot states (B, 7)."""
        looks = [
            norm(self.look(i, x))
            for i, (norm, x) in enumerate(zip(self.norms, images, strict=True))
        ]
        return torch.cat([*looks, robot], dim=-1)

    def observe(self, observation: Observation, spec: ObservationSpec, scales: Scales) -> Tensor:
        """Features (1, F) of one observation."""
        images = [
            normalise_color(torch.from_numpy(observation.views[name].color)[None])
            for name in spec.names
        ]
        width = np.asarray(observation.gripper_width_m)[None]
        robot = normalised(robot_state(observation.T_base_ee[None], width), scales)
        return self.forward(images, robot)


def robot_state(T_base_ee: Float64, width_m: Float64) -> Tensor:
    """States (..., 7) in m and rad of poses (..., 4, 4) and widths (...)."""
    robot = robot_inputs(T_base_ee, width_m)
    return torch.cat([robot.position, robot.rotation, robot.width[..., None]], dim=-1)


def normalised(state: Tensor, scales: Scales) -> Tensor:
    """States (..., 7) in units of their spread over the demonstrations, `scales.seen`."""
    return (state - scales.seen) / scales.spread


def camera_scales(checkpoint: Checkpoint, where: str) -> Scales:
    """The normaliser of such a policy; CheckpointError if it does not fit."""
    return Scales.from_tensors(checkpoint.normaliser, (ROBOT,), where)
