"""The policy that the runtime calls: a new subgoal every so often, and actions towards it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import Checkpoint, load_into
from visuomotor.config import from_mapping
from visuomotor.contracts import STEP_NS, ActionChunk, Float64, Observation
from visuomotor.observations import ObservationSpec
from visuomotor.policies.cameras import camera_scales
from visuomotor.policies.gti.config import GtiConfig
from visuomotor.policies.gti.network import GtiNetwork
from visuomotor.policies.gti.planner import Subgoal
from visuomotor.policies.heads import Scales, action_of
from visuomotor.policies.heads.head import State


@dataclass(frozen=True)
class _Plan:
    """A latent (1, D), when it was drawn, and what may be drawn of it."""

    stamp_ns: int
    z: Tensor
    info: dict[str, Float64]


class GtiPolicy:
    """It draws its latents from a generator of its own, which episodes go on using.

    config: `period`, `temperature`, `choice` and `least_share` may be replaced while it runs.
    """

    def __init__(self, network: GtiNetwork, scales: Scales, spec: ObservationSpec) -> None:
        self.spec, self.config = spec, network.config
        self._network, self._scales = network.eval(), scales
        self._generator = torch.Generator()
        self.seed(0)
        self.reset()

    def seed(self, seed: int) -> None:
        """What it draws from here on depends on this number alone, and on what it sees."""
        self._generator.manual_seed(seed)

    def reset(self) -> None:
        """Forgets the episode; the next one begins with a new latent."""
        self._plan: _Plan | None = None
        self._memory: State | None = None

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """One action, and in its info the latent that it follows.

        `mode` (1,): the component it is of; `mode_weights` (M,), `prior_means` (M, D), `latent`
        (D,). Decoded: `subgoal_image` (P, N P, 3) in [0, 1], the cameras side by side, and
        `action_target` (1, 3), where the hand is to be, in base.
        """
        features = self._network.encoder.observe(observation, self.spec, self._scales)
        if self._plan is None or self._over(self._plan, observation.stamp_ns):
            self._plan, self._memory = self._draw(features, observation.stamp_ns), None
        outputs, self._memory = self._network.controller(
            features[:, None], self._plan.z, self._memory
        )
        action = action_of(outputs[0, 0], observation, self._scales)
        width = np.array([action.gripper_width_m])
        return ActionChunk(
            observation.stamp_ns, action.T_base_ee[None], width, dict(self._plan.info)
        )

    def _over(self, plan: _Plan, stamp_ns: int) -> bool:
        """By the sets' stamps: a lost set is a step, too. A clock that goes back begins anew."""
        steps = round((stamp_ns - plan.stamp_ns) / STEP_NS)
        return not 0 <= steps < self.config.period

    def _draw(self, features: Tensor, stamp_ns: int) -> _Plan:
        prior = self._network.planner.prior(features)
        mode, samples = prior.sample(
            self._generator,
            temperature=self.config.temperature,
            likeliest=self.config.choice == "likeliest",
            least_share=self.config.least_share,
        )
        z = samples[:, 0]
        subgoal = self._network.planner.decode(z, features)
        info = {
            "mode": mode[0],
            "mode_weights": prior.log_weights[0].exp(),
            "prior_means": prior.means[0],
            "latent": z[0],
            **drawn(subgoal, self._scales),
        }
        return _Plan(stamp_ns, z, {name: t.double().numpy() for name, t in info.items()})


def drawn(subgoal: Subgoal, scales: Scales) -> dict[str, Tensor]:
    """`subgoal_image` (P, N P, 3) and `action_target` (1, 3) of the first of B subgoals."""
    images = ((subgoal.images[0] + 1) / 2).clamp(0, 1)  # (N, 3, P, P)
    side_by_side = torch.cat(list(images), dim=-1).permute(1, 2, 0)
    state = subgoal.robot * scales.spread + scales.seen
    return {"subgoal_image": side_by_side, "action_target": state[:1, :3]}


def load(checkpoint: Checkpoint, folder: Path) -> GtiPolicy:
    """The policy of a checkpoint; CheckpointError if its parts do not fit."""
    where = str(folder)
    config = from_mapping(GtiConfig, checkpoint.config, where)
    network = GtiNetwork(config, len(checkpoint.spec.cameras))
    load_into(network, checkpoint.tensors, where)
    return GtiPolicy(network, camera_scales(checkpoint, where), checkpoint.spec)
