"""Proximal policy optimisation (Schulman et al. 2017) of a skill's network.

Ours rather than a library's: stable-baselines3 steps its worlds one Python call each (ours step
together, in MuJoCo's threads), shows policy and value the same observation, and brings gymnasium;
what is left of it to use is this file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visuomotor.policies.skill.network import SkillNetwork
from visuomotor.training.ppo_config import PpoConfig
from visuomotor.training.tanh_layers import TanhLayers

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Experience:
    """T steps of N worlds. seen (T + 1, N, F), what is seen before every step and after the last.

    actions (T, N, 7), before tanh; rewards (T, N); ended (T, N): the episode ended with this step,
    and the next one begins a new one.
    """

    seen: Float32
    actions: Float32
    rewards: Float32
    ended: NDArray[np.bool_]


def advantages(
    rewards: Float32, values: Float32, ended: NDArray[np.bool_], discount: float, trace: float
) -> Float32:
    """Generalised advantage estimates (T, N); values (T + 1, N) (Schulman et al. 2016, eq. 16).

    After a step that ended its episode nothing more is to be expected; after the last of the T
    steps what `values` says.
    """
    goes_on = 1.0 - ended.astype(np.float32)
    surprise = rewards + discount * goes_on * values[1:] - values[:-1]
    result = np.zeros_like(rewards)
    carried = np.zeros_like(rewards[0])
    for t in range(len(rewards) - 1, -1, -1):
        carried = surprise[t] + discount * trace * goes_on[t] * carried
        result[t] = carried
    return result


class Learner:
    """Improves a network update by update; `optimiser` and `network` are all its state."""

    def __init__(self, network: SkillNetwork, config: PpoConfig) -> None:
        self.network, self.config = network, config
        self._parameters = list(network.parameters())
        self.optimiser = torch.optim.Adam(self._parameters, config.learning_rate, fused=True)
        rows = -(-config.worlds * config.steps // config.minibatches)
        self._policy = TanhLayers(network.policy, rows)
        self._value = TanhLayers(network.value, rows)

    def update(
        self, n: int, experience: Experience, generator: torch.Generator
    ) -> dict[str, float]:
        """The n-th of `config.updates` updates; returns figures of it.

        sigma: mean deviation; divergence: approximate KL from the policy that collected; clipped:
        share of ratios out of bounds; explained: share of the returns' variance that the value
        network foresaw.
        """
        c, network = self.config, self.network
        left = 1.0 - n / c.updates
        for group in self.optimiser.param_groups:
            group["lr"] = c.learning_rate * left
        clip = c.clip * left
        T, N, F = experience.actions.shape[0], experience.actions.shape[1], experience.seen.shape[2]
        whole = torch.from_numpy(experience.seen)
        with torch.no_grad():
            values = network.values(whole.reshape(-1, F)).reshape(T + 1, N).numpy()
        gained = advantages(experience.rewards, values, experience.ended, c.discount, c.trace)
        returns = torch.from_numpy(gained + values[:-1]).reshape(-1)
        foreseen = torch.from_numpy(values[:-1].copy()).reshape(-1)
        advantage = torch.from_numpy(gained).reshape(-1)
        if c.normalise:
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        seen = whole[:-1].reshape(-1, F)
        actions = torch.from_numpy(experience.actions).reshape(T * N, -1)
        with torch.no_grad():
            before = network.log_likelihood(network.mean(seen), actions)
        outside, divergence, parts = 0.0, 0.0, 0
        for epoch in range(c.epochs):
            order = torch.randperm(T * N, generator=generator)
            for part in order.chunk(c.minibatches):
                ratio = self._gradients(
                    seen[part], actions[part], before[part], advantage[part], returns[part], clip
                )
                nn.utils.clip_grad_norm_(self._parameters, c.gradient_norm)
                self.optimiser.step()
                if epoch == c.epochs - 1:
                    parts += 1
                    outside += float(((ratio - 1).abs() > clip).float().mean())
                    divergence += float((ratio - 1 - ratio.log()).mean())
        unforeseen = (returns - foreseen).var() / returns.var().clamp(min=1e-12)
        return {
            "sigma": float(network.log_sigma.detach().exp().mean()),
            "divergence": divergence / parts,
            "clipped": outside / parts,
            "explained": 1.0 - float(unforeseen),
        }

    def _gradients(
        self,
        seen: Tensor,
        actions: Tensor,
        before: Tensor,
        advantage: Tensor,
        returns: Tensor,
        clip: float,
    ) -> Tensor:
        """Sets all gradients from one minibatch; its likelihood ratios (B,)."""
        c, network = self.config, self.network
        mean = self._policy.forward(seen[:, : network.seen]).detach().requires_grad_()
        values = self._value.forward(seen).detach().requires_grad_()
        network.log_sigma.grad = None
        ratio = (network.log_likelihood(mean, actions) - before).exp()
        bounded = ratio.clamp(1.0 - clip, 1.0 + clip)
        gain = torch.minimum(ratio * advantage, bounded * advantage).mean()
        error = 0.5 * (values[:, 0] - returns).square().mean()
        loss = -gain + c.value * error - c.entropy * network.log_sigma.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        assert mean.grad is not None
        assert values.grad is not None
        self._policy.backward(mean.grad)
        self._value.backward(values.grad)
        return ratio.detach()
