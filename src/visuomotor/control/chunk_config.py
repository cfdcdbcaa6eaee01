"""How a policy's chunks of actions become commands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Inference = Literal["synchronous", "asynchronous"]
Overlap = Literal["newest", "blend", "ensemble"]


@dataclass(frozen=True)
class ChunkConfig:
    """When the policy is asked, and what its overlapping chunks are made into.

    inference: `synchronous` asks it in the step of a set, and commands once per set;
    `asynchronous` asks it beside the commands, which come at 20 Hz from the chunks there are.
    replan_steps: it is asked on every so many sets. overlap: where several chunks say something
    of one instant, the `newest` alone counts; or it takes over along the geodesic within blend_s
    (`blend`); or all count (`ensemble`: Zhao et al. 2023, temporal ensembling), the i-th oldest
    with the weight exp(-ensemble_decay * i). command_latency_s: from a command's publication to
    the arm, beyond what it was in the demonstrations.
    Raises ValueError for what is out of bounds.
    """

    inference: Inference = "synchronous"
    replan_steps: int = 1
    overlap: Overlap = "newest"
    blend_s: float = 0.1
    ensemble_decay: float = 0.01
    command_latency_s: float = 0.0

    def __post_init__(self) -> None:
        if self.replan_steps < 1:
            raise ValueError(f"got replan_steps {self.replan_steps}, expected at least 1")
        for name in ("blend_s", "ensemble_decay"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}: got {value}, expected 0 or more")
        if not 0 <= self.command_latency_s < 1:
            raise ValueError(
                f"command_latency_s: got {self.command_latency_s}, expected seconds from 0 to 1"
            )

    @property
    def blend_ns(self) -> int:
        """blend_s in ns."""
        return round(self.blend_s * 1e9)

    @property
    def command_latency_ns(self) -> int:
        """command_latency_s in ns."""
        return round(self.command_latency_s * 1e9)
