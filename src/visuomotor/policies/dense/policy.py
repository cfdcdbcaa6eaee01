"""The policy that the runtime calls: observation in, one action out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from visuomotor.checkpoint import Checkpoint, load_into, sub_tensors
from visuomotor.config import from_mapping
from visuomotor.contracts import ActionChunk, Observation
from visuomotor.descriptors.model import DescriptorModel, model_from, views_of
from visuomotor.geometry import apply_delta, rotvec_from_matrix
from visuomotor.observations import ObservationSpec
from visuomotor.policies.dense.config import DensePolicyConfig
from visuomotor.policies.dense.head import (
    POINTING_DOWN,
    DenseHead,
    RobotInputs,
    Scales,
    fill_unseen,
)


class DensePolicy:
    """Memoryless: keypoints of this set, relative to the hand, to the next target."""

    def __init__(
        self, descriptors: DescriptorModel, head: DenseHead, scales: Scales, spec: ObservationSpec
    ) -> None:
        self.descriptors, self.spec = descriptors, spec
        self._head, self._scales = head.eval(), scales

    def reset(self) -> None:
        """Nothing to forget."""

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """One action; info holds `keypoints` (K, 3) in base and `confidence` (K,)."""
        cameras = [views_of([observation.views[name]]) for name in self.spec.names]
        found = self.descriptors.locate(cameras)
        robot = robot_inputs(observation.T_base_ee[None], np.array([observation.gripper_width_m]))
        delta, logit = self._head(fill_unseen(found.points, self._scales), robot)
        delta = (delta * self._scales.delta)[0].double().numpy()
        low, high = self._scales.width.double().tolist()
        width = low + (high - low) * float(torch.sigmoid(logit)[0])
        return ActionChunk(
            observation.stamp_ns,
            apply_delta(observation.T_base_ee, delta)[None],
            np.array([width]),
            {
                "keypoints": found.points[0].double().numpy(),
                "confidence": found.confidence[0].double().numpy(),
            },
        )


def robot_inputs(T_base_ee: np.ndarray, width_m: np.ndarray) -> RobotInputs:
    """Robot inputs of poses (B, 4, 4) and widths (B,)."""
    from_down = T_base_ee[:, :3, :3] @ POINTING_DOWN.numpy()
    return RobotInputs(
        torch.from_numpy(T_base_ee[:, :3, 3].astype(np.float32)),
        torch.from_numpy(rotvec_from_matrix(from_down).astype(np.float32)),
        torch.from_numpy(np.asarray(width_m, np.float32)),
    )


def load(checkpoint: Checkpoint, folder: Path) -> DensePolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(DensePolicyConfig, checkpoint.config, where)
    tensors = checkpoint.tensors
    descriptors = model_from(
        config.descriptors, sub_tensors(tensors, "descriptors."), checkpoint.spec, where
    )
    head = DenseHead(config)
    load_into(head, sub_tensors(tensors, "head."), where)
    scales = Scales.from_tensors(checkpoint.normaliser, config.descriptors.keypoints, where)
    return DensePolicy(descriptors, head, scales, checkpoint.spec)
