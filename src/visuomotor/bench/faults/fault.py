"""One fault: what is done to a healthy graph, what heals it, and what must then hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from visuomotor.bench.faults.episodes import Kept
from visuomotor.bench.faults.rig import Rig

Act = Callable[[Rig], object]


def nothing(rig: Rig) -> None:
    """What heals by itself."""


@dataclass(frozen=True)
class Fault:
    """A row of the matrix.

    done: what is done, in words. arm: whether it must come to rest or may go on. seen_by: `arm`
    by its measured poses, `reference` by what it is told, where the fault takes the poses away.
    late_s: after so long no more target may be accepted of an arm that stops. lasts_s: until it is
    healed. step: what an operator must do before the arm may move again, and its name. streamed:
    targets are the stand-in's. episode: what may have become of the one being recorded, and
    may_lose_s, how many seconds of it at most.
    """

    name: str
    done: str
    inject: Act
    heal: Act = nothing
    arm: Literal["stops", "goes on"] = "stops"
    seen_by: Literal["arm", "reference"] = "arm"
    late_s: float = 0.15
    lasts_s: float = 1.5
    step: Act | None = None
    step_name: str = ""
    streamed: bool = False
    episode: tuple[Kept, ...] = ("kept",)
    may_lose_s: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.step) != bool(self.step_name):
            raise ValueError(f"{self.name}: got step_name {self.step_name!r} without its step")
