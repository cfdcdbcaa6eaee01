"""The policy that the runtime calls: one image or the true state in, one action out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import Checkpoint, load_into, sub_tensors
from visuomotor.config import from_mapping
from visuomotor.contracts import ActionChunk, Observation
from visuomotor.networks import SpatialEncoder, make_backbone, normalise_color
from visuomotor.observations import ObservationSpec
from visuomotor.policies.bc.config import BcPolicyConfig, EncoderConfig
from visuomotor.policies.bc.truth import true_sight
from visuomotor.policies.heads import HeadRunner, PolicyHead, Scales


class BcPolicy:
    """The head on what the encoder, or the simulation, says of the scene."""

    def __init__(
        self,
        config: BcPolicyConfig,
        encoder: SpatialEncoder | None,
        head: PolicyHead,
        scales: Scales,
        spec: ObservationSpec,
    ) -> None:
        self.spec = spec
        self._config, self._encoder = config, encoder
        self._runner = HeadRunner(head, scales)

    def reset(self) -> None:
        """Forgets the episode."""
        self._runner.reset()

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """One action; info holds `features` (F,), or `keypoints` (K, 3) in base for true points."""
        seen = self._see(observation)
        action = self._runner.act(seen, observation)
        name = "keypoints" if seen.ndim == 2 else "features"
        return ActionChunk(
            observation.stamp_ns,
            action.T_base_ee[None],
            np.array([action.gripper_width_m]),
            {name: seen.double().numpy()},
        )

    def _see(self, observation: Observation) -> Tensor:
        if self._encoder is None:
            poses = np.stack([observation.objects[name] for name in self.spec.objects])
            return true_sight(poses[None], self._config)[0]
        color = torch.from_numpy(observation.views[self.spec.names[0]].color)[None]
        seen: Tensor = self._encoder(normalise_color(color))[0]
        return seen


def make_encoder(config: EncoderConfig) -> SpatialEncoder:
    """The encoder with random weights; ConfigError for a backbone that does not exist."""
    backbone = make_backbone(config.backbone, width=config.width, stride=config.stride)
    return SpatialEncoder(backbone, config.points, config.sharpness)


def load(checkpoint: Checkpoint, folder: Path) -> BcPolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(BcPolicyConfig, checkpoint.config, where)
    encoder = None
    if config.sight == "image":
        encoder = make_encoder(config.encoder)
        load_into(encoder, sub_tensors(checkpoint.tensors, "encoder."), where)
        encoder.eval()
    head = PolicyHead(config.head, config.shape)
    load_into(head, sub_tensors(checkpoint.tensors, "head."), where)
    scales = Scales.from_tensors(checkpoint.normaliser, config.shape, where)
    return BcPolicy(config, encoder, head, scales, checkpoint.spec)
