"""Which rollouts are generated, and which of them are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class GenerationConfig:
    """How a stage-1 policy's rollouts become a dataset.

    keep: `reached`, those that reached a goal, or `all`. per_pair: at most so many of each start
    and goal, so that a frequent pair does not drown a rare one; 0: no limit. longest_s: a kept
    rollout takes no longer; 0: no limit but the task's horizon. rest_steps: recorded after the goal
    was reached, in which the policy goes on: the goal's image shows it at rest.
    """

    keep: Literal["reached", "all"] = "reached"
    per_pair: int = 0
    longest_s: float = 0.0
    rest_steps: int = 10

    def __post_init__(self) -> None:
        if min(self.per_pair, self.rest_steps) < 0 or self.longest_s < 0:
            raise ValueError(
                f"generation: got per_pair {self.per_pair}, longest_s {self.longest_s}, "
                f"rest_steps {self.rest_steps}; expected 0 or more"
            )
