"""The hand-eye action network: where to look, which of it to follow, and how to move there.

Hand-Eye Action Networks, sections IV-A to IV-C, with the departures of `HanConfig`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visuomotor.networks import mlp
from visuomotor.policies.han.attention import Attention, Candidates
from visuomotor.policies.han.config import HanConfig
from visuomotor.policies.han.sight import Sight
from visuomotor.policies.heads.head import saturated

LENGTH_M = 0.1
"""One unit of positions."""
STEP_M = 0.02
"""One unit of what `direct` gives."""
WIDTH_M, ROTATION_RAD = 0.04, 0.1
CENTRE_M = (0.5, 0.0, 0.1)
"""In base, what absolute positions are relative to."""
_HAND_UNITS, _SWITCH_UNITS = 64, 64


@dataclass(frozen=True)
class Hand:
    """The end effector in base: position (B, 3) m; rotation (B, 3), a vector in rad from pointing
    straight down; width (B,) m of the gripper.
    """

    position: Tensor
    rotation: Tensor
    width: Tensor


@dataclass(frozen=True)
class HanOutput:
    """delta (B, T, 3) m along base axes; turn (B, T, 3) rad; width_logit (B, T).

    keypoint (B, 3) in base, followed; target (B, T, 3) in base, keypoint and offset (or where the
    hand would be after the action, if that is `direct`); confidence (B, N) of the candidates of all
    cameras; seen (B,): False where none of them had any depth, and the rest means nothing.
    """

    delta: Tensor
    turn: Tensor
    width_logit: Tensor
    keypoint: Tensor
    target: Tensor
    confidence: Tensor
    seen: Tensor


class HanNetwork(nn.Module):
    """Attention, switch and action target; cameras: how many compete for it."""

    def __init__(self, config: HanConfig, cameras: int) -> None:
        super().__init__()
        self.config = config
        self.attention = Attention(config)
        self.hands = nn.ModuleList(
            nn.Linear(self.attention.hand_channels, _HAND_UNITS) for _ in range(cameras)
        )
        features = self.attention.feature_channels
        known = (_HAND_UNITS + 1 + 3) if config.context else 0
        self.switch = mlp(features + known, (_SWITCH_UNITS,), 1)
        places = 6 if config.inputs == "absolute" else 3 + config.height
        inputs = places + _HAND_UNITS + features
        inputs += config.proprioception + (3 if config.rotation else 0)
        self.outputs = 3 + (config.target != "direct") + 1 + (3 if config.rotation else 0)
        self.action = mlp(inputs, config.hidden, self.outputs * config.chunk)
        last = self.action[-1]
        assert isinstance(last, nn.Linear)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def forward(
        self, sights: Sequence[Sight], hand: Hand
    ) -> tuple[HanOutput, tuple[Candidates, ...]]:
        """What to do, and the candidates of each camera, in the order of the confidences."""
        found = tuple(self.attention(sight, hand.position) for sight in sights)
        around = torch.stack([f(c.hand) for f, c in zip(self.hands, found, strict=True)]).sum(0)
        around = around.relu()  # (B, 64)
        points = torch.cat([c.points for c in found], dim=1)  # (B, N, 3)
        features = torch.cat([c.features for c in found], dim=1)
        measured = torch.cat([c.measured for c in found], dim=1)
        seen = measured.any(1)
        logits = self._switch(features, points, around, hand)
        logits = logits.masked_fill(~measured & seen[:, None], float("-inf"))
        confidence = torch.softmax(logits, dim=-1)[:, None]  # (B, 1, N)
        keypoint = (confidence @ points)[:, 0]
        described = (confidence @ features)[:, 0]
        if self.config.described == "all":
            described = features.mean(1)
        output = self._act(keypoint, described, around, hand)
        return HanOutput(*output, confidence[:, 0], seen), found

    def _switch(self, features: Tensor, points: Tensor, around: Tensor, hand: Hand) -> Tensor:
        """Logits (B, N) of the candidates."""
        inputs = [features]
        if self.config.context:
            n = features.shape[1]
            from_hand = saturated(points - hand.position[:, None])
            width = hand.width[:, None, None].expand(-1, n, 1) / WIDTH_M
            inputs += [around[:, None].expand(-1, n, -1), width, from_hand]
        logits: Tensor = self.switch(torch.cat(inputs, dim=-1))[..., 0]
        return logits

    def _dropped(self, features: Tensor) -> Tensor:
        """Features (B, F), all of a sample zero where it is not told of them."""
        share = self.config.sight_dropout
        if share == 1:
            return torch.zeros_like(features)
        if share == 0 or not self.training:
            return features
        told = torch.rand(len(features), 1, device=features.device) >= share
        return features * told

    def _act(
        self, keypoint: Tensor, described: Tensor, around: Tensor, hand: Hand
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """delta, turn, width_logit, keypoint and target of `HanOutput`."""
        config = self.config
        away = keypoint - hand.position
        if config.inputs == "absolute":
            centre = keypoint.new_tensor(CENTRE_M)
            inputs = [(keypoint - centre) / LENGTH_M, (hand.position - centre) / LENGTH_M]
        else:
            inputs = [away / LENGTH_M]
            if config.height:
                inputs.append((hand.position[:, 2:] - CENTRE_M[2]) / LENGTH_M)
        inputs += [self._dropped(around), self._dropped(described)]
        if config.proprioception:
            inputs.append(hand.width[:, None] / WIDTH_M)
        if config.rotation:
            inputs.append(hand.rotation / ROTATION_RAD)
        y = self.action(torch.cat(inputs, dim=-1)).unflatten(-1, (config.chunk, self.outputs))
        turn = torch.zeros_like(y[..., :3])
        if config.rotation:
            turn = config.turn_rad * torch.tanh(y[..., -3:])
        logit = y[..., 3]
        if config.target == "direct":
            delta = STEP_M * y[..., :3]
            return delta, turn, logit, keypoint, hand.position[:, None] + delta
        if config.target == "constrained":
            offset = config.offset_m * torch.tanh(y[..., :3])
            gain = torch.sigmoid(y[..., 4:5] - 2.0)
        else:
            offset, gain = config.offset_m * y[..., :3], y[..., 4:5] + 0.1
        target = keypoint[:, None] + offset
        return gain * (target - hand.position[:, None]), turn, logit, keypoint, target
