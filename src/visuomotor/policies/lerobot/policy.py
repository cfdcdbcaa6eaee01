"""The policy that the runtime calls: an observation in, LeRobot's chunk of actions out."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import Checkpoint
from visuomotor.contracts import STEP_NS, ActionChunk, Observation
from visuomotor.observations import ObservationSpec
from visuomotor.policies.lerobot.features import (
    STATE,
    color_key,
    depth_image,
    depth_key,
    poses,
    vectors,
)
from visuomotor.policies.lerobot.upstream import make_network

Inputs = dict[str, Tensor]


class LeRobotPolicy:
    """ACT or Diffusion Policy, asked as LeRobot asks it.

    Its network is run on every `n_action_steps`-th control step, by the sets' stamps; on those in
    between the rest of the last chunk is given. The runtime's own replanning and all of its
    refusals come on top.
    """

    def __init__(self, network: Any, before: Any, after: Any, spec: ObservationSpec) -> None:
        self.spec = spec
        self._network, self._before, self._after = network, before, after
        self._config = network.config
        self._generator = torch.Generator().manual_seed(0)
        self._seen: deque[tuple[int, Inputs]] = deque(maxlen=2 * self._config.n_obs_steps)
        self._chunk: ActionChunk | None = None

    def reset(self) -> None:
        """Forgets the episode."""
        self._network.reset()
        self._seen.clear()
        self._chunk = None

    def seed(self, seed: int) -> None:
        """What it draws from here on depends on this number alone, and on what it sees."""
        self._generator.manual_seed(seed)

    @torch.inference_mode()
    def act(self, observation: Observation) -> ActionChunk:
        """The actions from this control step on: those of a pass, or what is left of the last."""
        stamp_ns = observation.stamp_ns
        if self._seen and stamp_ns <= self._seen[-1][0]:  # the clock went back
            self.reset()
        self._seen.append((stamp_ns, self._before(inputs(observation, self.spec))))
        if self._chunk is not None:
            step = round((stamp_ns - self._chunk.stamp_ns) / STEP_NS)
            if step < min(self._config.n_action_steps, len(self._chunk)):
                chunk = self._chunk
                return ActionChunk(stamp_ns, chunk.poses[step:], chunk.widths_m[step:])
        self._chunk = None  # whatever is raised now, the old one is over
        T, widths_m = poses(self._after(self._predict(stamp_ns)).numpy())
        self._chunk = ActionChunk(stamp_ns, T, widths_m)
        return self._chunk

    def _predict(self, stamp_ns: int) -> Tensor:
        """Normalised actions (T, 10), the first for this control step."""
        with torch.random.fork_rng(devices=[]):
            drawn = torch.randint(2**62, (), generator=self._generator)
            torch.manual_seed(int(drawn))
            if self._config.type == "diffusion":
                actions = self._network.diffusion.generate_actions(self._history(stamp_ns))
            else:
                actions = self._network.predict_action_chunk(self._seen[-1][1])
                if self._config.temporal_ensemble_coeff is not None:
                    actions = self._network.temporal_ensembler.update(actions)[:, None]
        first: Tensor = actions[0]
        return first

    def _history(self, stamp_ns: int) -> Inputs:
        """The last observations, one control step apart, the nearest where one was lost."""
        steps = range(self._config.n_obs_steps - 1, -1, -1)
        seen = [self._nearest(stamp_ns - back * STEP_NS) for back in steps]
        images = [torch.stack([s[k][0] for k in self._config.image_features]) for s in seen]
        history = {"observation.images": torch.stack(images)[None]}  # (1, o, N, 3, H, W)
        history[STATE] = torch.stack([s[STATE][0] for s in seen])[None]
        return history

    def _nearest(self, stamp_ns: int) -> Inputs:
        return min(self._seen, key=lambda seen: abs(stamp_ns - seen[0]))[1]


def inputs(observation: Observation, spec: ObservationSpec) -> Inputs:
    """What LeRobot's dataset gives of such a step: state (10,), images (3, H, W) in [0, 1]."""
    state = vectors(observation.T_base_ee, observation.gripper_width_m)
    found = {STATE: torch.from_numpy(state)}
    for camera in spec.cameras:
        view = observation.views[camera.name]
        images = {color_key(camera.name): view.color}
        if view.depth_m is not None:
            images[depth_key(camera.name)] = depth_image(view.depth_m)
        for name, image in images.items():
            channels_first = np.ascontiguousarray(image.transpose(2, 0, 1))
            found[name] = torch.from_numpy(channels_first).float() / 255
    return found


def load(checkpoint: Checkpoint, folder: Path) -> LeRobotPolicy:
    """The policy of a LeRobot folder; CheckpointError if its parts do not fit one another."""
    network, before, after = make_network(checkpoint, str(folder))
    return LeRobotPolicy(network, before, after, checkpoint.spec)
