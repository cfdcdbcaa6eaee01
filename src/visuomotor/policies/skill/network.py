"""The network of a skill: a Gaussian policy that sees time and hand, a value network of all."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visuomotor.checkpoint import load_checkpoint, load_into
from visuomotor.config import from_mapping
from visuomotor.geometry import rotvec_from_matrix
from visuomotor.policies.skill.config import SkillConfig

Float64 = NDArray[np.float64]

if TYPE_CHECKING:
    from visuomotor.sim.gripper import GripperState

ACTIONS = 7
EPISODE_S = 10.0
HOLDING = -1.0
"""The opening's action with which a policy begins that has something in its hand."""


class SkillNetwork(nn.Module):
    """Policy and value network for worlds with 1 or 2 `objects` (paper, section 4.2)."""

    def __init__(self, config: SkillConfig, objects: int) -> None:
        super().__init__()
        self.config, self.objects = config, objects
        seen = 1 + 3 + (3 if config.rotation == "vector" else 6) + 1
        self.policy = _layers(seen, config.hidden, ACTIONS)
        self.value = _layers(seen + 8 * objects, config.hidden, 1)
        self.log_sigma = nn.Parameter(torch.full((ACTIONS,), math.log(config.sigma)))
        self.seen = seen

    def hold(self) -> None:
        """Makes an untrained policy keep closed around what it holds.

        At first its mean opening is half of the widest, which lets half of the objects go within
        half a second; HOLDING presses with all the drives have.
        """
        last = self.policy[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias[ACTIONS - 1] = HOLDING

    def observe(self, state: GripperState) -> NDArray[np.float32]:
        """What (N, F) is told of N worlds; the policy sees the first `seen` numbers alone.

        Those are time / 10 s, the hand's position, rotation and opening; then each object's
        position, rotation vector, height and radius.
        """
        objects = [
            np.concatenate(
                [
                    state.objects[:, i],
                    rotvec_from_matrix(state.rotations[:, i]),
                    state.heights[:, i, None],
                    state.radii[:, i, None],
                ],
                axis=1,
            )
            for i in range(self.objects)
        ]
        hand = self.observe_hand(state.time, state.position, state.rotation, state.opening)
        return np.concatenate([hand, *objects], axis=1).astype(np.float32)

    def observe_hand(
        self, time: Float64, position: Float64, rotation: Float64, opening: Float64
    ) -> Float64:
        """What the policy (N, `seen`) is told of times (N,) in s and hands in the frame.

        position (N, 3) m, rotation (N, 3, 3), opening (N,) m of each finger.
        """
        if self.config.rotation == "vector":
            turned = rotvec_from_matrix(rotation)
        else:
            turned = np.concatenate([rotation[:, :, 1], rotation[:, :, 2]], axis=1)
        return np.concatenate(
            [time[:, None] / EPISODE_S, position, turned, opening[:, None]], axis=1
        )

    def mean(self, seen: Tensor) -> Tensor:
        """The policy's mean actions (B, 7) of what it is told (B, F)."""
        mean: Tensor = self.policy(seen[:, : self.seen])
        return mean

    def values(self, seen: Tensor) -> Tensor:
        """What is to be expected (B,) of the rest of the episode."""
        values: Tensor = self.value(seen)
        return values[:, 0]

    def log_likelihood(self, mean: Tensor, action: Tensor) -> Tensor:
        """Of actions (B, 7) under the Gaussian about mean actions, (B,)."""
        z = (action - mean) * torch.exp(-self.log_sigma)
        return -0.5 * (z * z).sum(1) - self.log_sigma.sum() - 0.5 * ACTIONS * math.log(2 * math.pi)


def load_skill(folder: Path | str) -> SkillNetwork:
    """A skill's network from its checkpoint; CheckpointError if it is none."""
    from visuomotor.video.actions import find_action

    checkpoint = load_checkpoint(folder, "skill")
    config = from_mapping(SkillConfig, checkpoint.config, str(folder))
    network = SkillNetwork(config, 2 if find_action(config.action).static else 1)
    load_into(network, checkpoint.tensors, str(folder))
    return network.eval()


def _layers(inputs: int, hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(inputs, size), nn.Tanh()]
        inputs = size
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
