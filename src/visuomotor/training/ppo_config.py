"""Proximal policy optimisation's settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PpoConfig:
    """How a Gaussian policy is improved (Schulman et al. 2017; Petrik et al. 2020, appendix A.3).

    updates: of the policy. worlds, steps: what is collected for each. epochs, minibatches: passes
    over it, and into how many parts. learning_rate, clip: of Adam and of the likelihood ratio; both
    fall linearly to 0. discount, trace: gamma and lambda of generalised advantage estimation.
    entropy, value: weights beside the policy's loss. gradient_norm: gradients are clipped to it.
    normalise: advantages have mean 0 and deviation 1 in every update.
    """

    updates: int = 1000
    worlds: int = 70
    steps: int = 120
    epochs: int = 25
    minibatches: int = 4
    learning_rate: float = 3e-4
    clip: float = 0.2
    discount: float = 1.0
    trace: float = 0.95
    entropy: float = 1e-8
    value: float = 1.0
    gradient_norm: float = 100.0
    normalise: bool = True

    def __post_init__(self) -> None:
        counts = (self.updates, self.worlds, self.steps, self.epochs, self.minibatches)
        if min(counts) < 1 or self.minibatches > self.worlds * self.steps:
            raise ValueError(
                f"ppo: got updates {self.updates}, worlds {self.worlds}, steps {self.steps}, "
                f"epochs {self.epochs}, minibatches {self.minibatches}; expected positive numbers"
            )
        if not (self.learning_rate > 0 and 0 < self.clip < 1 and self.gradient_norm > 0):
            raise ValueError(
                f"ppo: got learning_rate {self.learning_rate}, clip {self.clip}, gradient_norm "
                f"{self.gradient_norm}; expected positive numbers, clip below 1"
            )
        if not (0 < self.discount <= 1 and 0 <= self.trace <= 1):
            raise ValueError(
                f"ppo: got discount {self.discount}, trace {self.trace}; expected 0 to 1"
            )
        if min(self.entropy, self.value) < 0:
            raise ValueError(
                f"ppo: got entropy {self.entropy}, value {self.value}; expected weights >= 0"
            )
