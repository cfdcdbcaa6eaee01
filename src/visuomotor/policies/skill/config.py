"""What a skill's network is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SkillConfig:
    """One skill: its action and the sizes of its network.

    action: a name of visuomotor.video.actions.ACTIONS. hidden: layers of the policy and of the
    value network, tanh between. sigma: first standard deviation of actions, before tanh. rotation:
    how the hand's is told: as a rotation `vector`, as the paper has it, which jumps where the hand
    points to the left, or as two `axes` of it, which never do.
    """

    action: str = "push_left_to_right"
    hidden: tuple[int, ...] = (128, 128, 128)
    sigma: float = 0.2
    rotation: Literal["vector", "axes"] = "axes"

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1 or not self.sigma > 0:
            raise ValueError(
                f"skill: got hidden {self.hidden}, sigma {self.sigma}; expected one layer or more "
                "and a sigma > 0"
            )
