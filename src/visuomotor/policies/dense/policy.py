"""The policy that the runtime calls: observation in, one action out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import Checkpoint, load_into, sub_tensors
from visuomotor.config import from_mapping
from visuomotor.contracts import ActionChunk, Float64, Observation
from visuomotor.descriptors.image_keypoints import locate_in_image
from visuomotor.descriptors.model import DescriptorModel, model_from, views_of
from visuomotor.policies.dense.config import DensePolicyConfig
from visuomotor.policies.heads import HeadRunner, PolicyHead, Scales


class DensePolicy:
    """Keypoints of this set, and the head on them."""

    def __init__(
        self, config: DensePolicyConfig, descriptors: DescriptorModel, runner: HeadRunner
    ) -> None:
        """descriptors.spec: the cameras that the policy sees."""
        self.descriptors, self.spec = descriptors, descriptors.spec
        self._config, self._runner = config, runner

    def reset(self) -> None:
        """Forgets the episode."""
        self._runner.reset()

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """One action; info holds `keypoints` (K, 3) in base, or `pixels` (K, 2) as (u, v).

        And their `confidence` (K,) in [0, 1].
        """
        seen, info = self._see(observation)
        action = self._runner.act(seen, observation)
        return ActionChunk(
            observation.stamp_ns, action.T_base_ee[None], np.array([action.gripper_width_m]), info
        )

    def _see(self, observation: Observation) -> tuple[Tensor, dict[str, Float64]]:
        model = self.descriptors
        if self._config.space == "3d":
            found = model.locate([views_of([observation.views[n]]) for n in self.spec.names])
            seen, confidence = found.points[0], found.confidence[0]
            info = {"keypoints": seen.double().numpy()}
        else:
            color = torch.from_numpy(observation.views[self.spec.names[0]].color)[None]
            pixels, sure = locate_in_image(model.network, model.reference, color, model.config)
            seen, confidence = image_features(pixels, color.shape[1:3])[0], sure[0]
            info = {"pixels": pixels[0].double().numpy()}
        return seen, {**info, "confidence": confidence.double().numpy()}


def image_features(pixels: Tensor, size: Sequence[int]) -> Tensor:
    """Pixels (B, K, 2) as (u, v) of images of size (H, W) as features (B, 2 K) in [-1, 1]."""
    return (2 * (pixels + 0.5) / pixels.new_tensor([size[1], size[0]]) - 1).flatten(1)


def load(checkpoint: Checkpoint, folder: Path) -> DensePolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(DensePolicyConfig, checkpoint.config, where)
    tensors = sub_tensors(checkpoint.tensors, "descriptors.")
    descriptors = model_from(config.descriptors, tensors, checkpoint.spec, where)
    head = PolicyHead(config.head, config.shape)
    load_into(head, sub_tensors(checkpoint.tensors, "head."), where)
    scales = Scales.from_tensors(checkpoint.normaliser, config.shape, where)
    return DensePolicy(config, descriptors, HeadRunner(head, scales))
