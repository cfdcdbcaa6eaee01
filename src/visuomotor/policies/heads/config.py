"""What a head is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class HeadConfig:
    """An MLP on the present, or an LSTM that remembers.

    kind: `mlp` or `lstm`. hidden: layer sizes of the MLP, or of the layers before the LSTM. units:
    of the LSTM. every: the LSTM takes every n-th control step: 4 is 5 Hz (Florence et al. 2020,
    appendix: recurrent policies learn better from slower sequences). absolute: the hand's place on
    the table is an input too; for tasks whose goal is fixed in the world and not to be seen.
    points: how those in space enter. `relative`: each from the hand. `saturated`: their middle from
    the hand, and each from their middle; from afar only the middle's direction counts, so that an
    object farther away than any demonstrated one is no new input. `absolute`: each in base. groups:
    the points are of so many objects, one after the other, each with a middle of its own.
    """

    kind: Literal["mlp", "lstm"] = "mlp"
    hidden: tuple[int, ...] = (256, 256)
    dropout: float = 0.1
    units: int = 100
    every: int = 4
    absolute: bool = False
    points: Literal["saturated", "relative", "absolute"] = "saturated"
    groups: int = 1

    def __post_init__(self) -> None:
        if not self.hidden or min(*self.hidden, self.units, self.every, self.groups) < 1:
            raise ValueError(
                f"policy head: got hidden {self.hidden}, units {self.units}, every {self.every}, "
                f"groups {self.groups}; expected positive sizes and steps"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"policy head: got dropout {self.dropout}, expected 0 <= dropout < 1")
