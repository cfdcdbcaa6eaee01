"""The policy that the runtime calls: observation, and the goal it was set, in; one action out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import Checkpoint, load_into
from visuomotor.config import from_mapping
from visuomotor.contracts import STEP_NS, ActionChunk, Observation, UInt8
from visuomotor.errors import CheckpointError, DataError
from visuomotor.networks import normalise_color
from visuomotor.observations import ObservationSpec, view_color
from visuomotor.policies.cameras import camera_scales
from visuomotor.policies.goal.action import ActionMixture
from visuomotor.policies.goal.config import GoalConfig
from visuomotor.policies.goal.network import GoalNetwork
from visuomotor.policies.goal.recovery import Recovery
from visuomotor.policies.heads import Scales, action_of
from visuomotor.policies.heads.head import OUTPUTS, State


class RecurrentPolicy:
    """BC-RNN: its memory begins anew every `window` steps, as in training, and when it is stuck."""

    def __init__(self, network: GoalNetwork, scales: Scales, spec: ObservationSpec) -> None:
        self.spec, self.config = spec, network.config
        self._network, self._scales = network.eval(), scales
        self._recovery = Recovery(self.config)
        self._push = torch.zeros(OUTPUTS)
        self._generator = torch.Generator()
        self.seed(0)
        self.reset()

    def seed(self, seed: int) -> None:
        """What it draws when it is stuck depends on this number alone, and on what it sees."""
        self._generator.manual_seed(seed)

    def reset(self) -> None:
        """Forgets the episode."""
        self._recovery.reset()
        self._forget()

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """One action; info holds `stuck` (1,), how often it was, and `sampled` (1,), 1 or 0."""
        stamp_ns, width_m = observation.stamp_ns, observation.gripper_width_m
        goal = self._goal_seen()
        if self._recovery.update(stamp_ns, observation.T_base_ee, width_m):
            self._forget()
            push = torch.randn(6, generator=self._generator)
            self._push[:6] = self.config.unstick_spread * push
        outputs = self._outputs(observation, goal)
        sampled = self._recovery.sampling(stamp_ns)
        if isinstance(outputs, ActionMixture):
            outputs = outputs.sample(self._generator) if sampled else outputs.likeliest()
        elif sampled:
            outputs = outputs + self._push
        action = action_of(outputs[0, 0], observation, self._scales)
        info = {"stuck": np.array([float(self._recovery.count)]), "sampled": np.array([sampled])}
        return ActionChunk(
            stamp_ns,
            action.T_base_ee[None],
            np.array([action.gripper_width_m]),
            {name: value.astype(float) for name, value in info.items()},
        )

    def _goal_seen(self) -> Tensor | None:
        return None

    def _forget(self) -> None:
        self._begun_ns: int | None = None
        self._memory: State | None = None

    def _outputs(self, observation: Observation, goal: Tensor | None) -> Tensor | ActionMixture:
        stamp_ns = observation.stamp_ns
        if self._begun_ns is None or not (
            0 <= round((stamp_ns - self._begun_ns) / STEP_NS) < self.config.window
        ):
            self._begun_ns, self._memory = stamp_ns, None
        features = self._network.encoder.observe(observation, self.spec, self._scales)
        outputs: Tensor | ActionMixture
        outputs, self._memory = self._network(features[:, None], goal, self._memory)
        return outputs


class GoalPolicy(RecurrentPolicy):
    """The same with a goal; a `policies.goals.GoalConditioned`."""

    _goal: Tensor | None = None

    @property
    def goal_camera(self) -> str:
        """Of which camera goal images are."""
        return self.config.goal_camera

    @torch.inference_mode()
    def set_goal(self, color: UInt8, camera: str | None = None) -> None:
        """See `GoalConditioned`; the image is cropped and resized as that camera's are."""
        if camera not in (None, self.goal_camera):
            raise DataError(
                f"goal: got an image of camera {camera!r}, expected {self.goal_camera!r}, which "
                "this policy's goals were of in training"
            )
        color = np.asarray(color)
        if color.ndim != 3 or color.shape[2] != 3 or color.dtype != np.uint8 or not color.size:
            raise DataError(
                f"goal: got an image of shape {color.shape} and type {color.dtype}, expected "
                "(H, W, 3) uint8 RGB"
            )
        spec = self.spec.cameras[self.spec.names.index(self.goal_camera)]
        image = torch.from_numpy(view_color(color, spec))[None]
        self._goal = self._network.look_at_goal(normalise_color(image))

    def _goal_seen(self) -> Tensor:
        if self._goal is None:
            raise DataError(
                f"this policy has no goal; expected an image of camera {self.goal_camera!r} that "
                "shows what is to be reached: publish it on policy/goal, or call set_goal"
            )
        return self._goal


def load(checkpoint: Checkpoint, folder: Path) -> RecurrentPolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(GoalConfig, checkpoint.config, where)
    try:
        network = GoalNetwork(config, checkpoint.spec.names)
    except ValueError as error:
        raise CheckpointError(f"{where}: {error}") from error
    load_into(network, checkpoint.tensors, where)
    kind = GoalPolicy if config.goal == "image" else RecurrentPolicy
    return kind(network, camera_scales(checkpoint, where), checkpoint.spec)
