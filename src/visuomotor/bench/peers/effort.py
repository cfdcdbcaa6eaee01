"""How much a run of the peers' benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """episodes: demonstrations. rounds: turns of each side, of at least turn_s and steps each.

    loss_s: seconds of streams that the synchronisers are given, for each seed. sizes: heights and
    widths of the simulators' images, px, with the number of cameras.
    """

    episodes: int = 20
    rounds: int = 7
    turn_s: float = 1.0
    steps: int = 30
    loss_s: int = 15
    sizes: tuple[tuple[int, int], ...] = ((84, 2), (128, 2), (84, 1))

    def __post_init__(self) -> None:
        if min(self.episodes, self.rounds, self.steps, self.loss_s) < 1 or self.turn_s <= 0:
            raise ValueError(f"effort: got {self}, expected positive numbers")


FULL = Effort()
SMALL = Effort(episodes=3, rounds=2, turn_s=0.3, steps=10, loss_s=3, sizes=((84, 2),))
