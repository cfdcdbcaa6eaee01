"""The policy that the runtime calls: one colour image in, one action out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from visuomotor.checkpoint import Checkpoint, load_into
from visuomotor.config import from_mapping
from visuomotor.contracts import Action, ActionChunk, Float64, Observation
from visuomotor.errors import CheckpointError
from visuomotor.networks import normalise_color
from visuomotor.observations import ObservationSpec
from visuomotor.policies.gplac.config import GplacConfig
from visuomotor.policies.gplac.network import GplacNetwork
from visuomotor.policies.gplac.push import StraightPush
from visuomotor.policies.heads import HeadRunner, Scales


class GplacPolicy:
    """Feature points of this set's image, and the head on them; or a push that began with one."""

    def __init__(self, network: GplacNetwork, scales: Scales, spec: ObservationSpec) -> None:
        self.spec = spec
        self._network = network.eval()
        self._runner = HeadRunner(network.head, scales)
        self._push: StraightPush | None = None
        self._width_m = 0.0

    def reset(self) -> None:
        """Forgets the episode."""
        self._runner.reset()
        self._push = None

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """One action; info holds `pixels` (K, 2) as (u, v) of the feature points.

        And `presence` (1,) in [0, 1], the classifier's, where one was trained; with target
        `push_start` also `action_target` (1, 3), where the push begins, in base.
        """
        network = self._network
        color = torch.from_numpy(observation.views[self.spec.names[0]].color)[None]
        seen = network.encoder.seen(normalise_color(color))
        features = network.encoder.features(seen)
        info: dict[str, Float64] = {}
        if network.config.network == "attentional":
            size = features.new_tensor([color.shape[2], color.shape[1]])
            info["pixels"] = ((seen.places[0] + 1) / 2 * size - 0.5).double().numpy()
        if network.classifier is not None:
            logits = network.classifier(features, seen).mean(1)
            info["presence"] = torch.sigmoid(logits).double().numpy()
        action = self._act(features[0], observation)
        if self._push is not None:
            info["action_target"] = self._push.start[None, :3, 3]
        width = np.array([action.gripper_width_m])
        return ActionChunk(observation.stamp_ns, action.T_base_ee[None], width, info)

    def _act(self, features: torch.Tensor, observation: Observation) -> Action:
        config = self._network.config
        if config.target == "action":
            return self._runner.act(features, observation)
        if self._push is None:
            assert config.push is not None  # `load` checks it
            begin = self._runner.act(features, observation)
            self._push = StraightPush(begin.T_base_ee, config.push)
            self._width_m = begin.gripper_width_m
        return Action(self._push.target(observation.T_base_ee), self._width_m)


def load(checkpoint: Checkpoint, folder: Path) -> GplacPolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(GplacConfig, checkpoint.config, where)
    if config.target == "push_start" and config.push is None:
        raise CheckpointError(f"{where}: got target push_start without `push`; train it again")
    camera = checkpoint.spec.cameras[0]
    classifies = any(name.startswith("classifier.") for name in checkpoint.tensors)
    network = GplacNetwork(config, (camera.height, camera.width), classifies)
    load_into(network, checkpoint.tensors, where)
    scales = Scales.from_tensors(checkpoint.normaliser, network.shape, where)
    return GplacPolicy(network, scales, checkpoint.spec)
