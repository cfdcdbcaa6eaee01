"""A head at run time: its memory, and its outputs as a target for the arm."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from visuomotor.contracts import STEP_NS, Action, Observation
from visuomotor.geometry import apply_delta
from visuomotor.policies.heads.head import PolicyHead, State
from visuomotor.policies.heads.robot import robot_inputs
from visuomotor.policies.heads.scales import Scales
from visuomotor.policies.steps import shortened_deltas


class HeadRunner:
    """Calls a head once per set.

    A head that learned from every n-th step sees every n-th step here too: it has n memories, and
    the sets take turns, so that it acts at every set all the same. A lost set skips its turn.
    """

    def __init__(self, head: PolicyHead, scales: Scales) -> None:
        self.head, self.scales = head.eval(), scales
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self._first_ns: int | None = None
        self._memories: dict[int, State | None] = {}

    @torch.inference_mode()
    def act(self, seen: Tensor, observation: Observation) -> Action:
        """The target for what is seen (K, 3) or (F,) in this set; non-finite parts stand filled.

        It is no farther from the hand than one that was demonstrated.
        """
        robot = robot_inputs(observation.T_base_ee, np.asarray(observation.gripper_width_m))
        inputs = self.head.inputs(self.scales.fill(seen), robot, self.scales)
        if self.head.config.kind == "lstm":
            if self._first_ns is None:
                self._first_ns = observation.stamp_ns
            steps = round((observation.stamp_ns - self._first_ns) / STEP_NS)
            turn = steps % self.head.config.every
            outputs, memory = self.head(inputs[None, None], self._memories.get(turn))
            self._memories[turn] = memory
            outputs = outputs[0, 0]
        else:
            outputs, _ = self.head(inputs)
        return action_of(outputs, observation, self.scales)


def action_of(outputs: Tensor, observation: Observation, scales: Scales) -> Action:
    """The target that a head's outputs (7,) mean, no farther than one that was demonstrated."""
    delta = (outputs[:6] * scales.delta).double().numpy()
    delta = shortened_deltas(delta, scales.longest.double().numpy())
    low, high = scales.width.double().tolist()
    width = low + (high - low) * float(torch.sigmoid(outputs[6]))
    return Action(apply_delta(observation.T_base_ee, delta), width)
