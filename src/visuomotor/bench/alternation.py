"""Times several ways to do a step by turns, so that whatever else the machine does strikes all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from visuomotor.training.loop import one_thread


def step_seconds(
    ways: Mapping[str, Callable[[int], None]], rounds: int, steps: int = 1
) -> dict[str, float]:
    """Seconds of a step of each way: the median of the rounds, of so many steps each.

    Each way is called once before, with 0, and then with the numbers of its steps from 1 on; all
    in one thread.
    """
    return {n: float(np.median(t)) for n, t in step_times(ways, rounds, steps).items()}


def step_times(
    ways: Mapping[str, Callable[[int], None]], rounds: int, steps: int = 1
) -> dict[str, list[float]]:
    """Seconds of a step of each way in each round; see `step_seconds`."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with one_thread():
        for step in ways.values():
            step(0)
        for n in range(rounds):
            for name, step in ways.items():
                start = time.perf_counter()
                for i in range(steps):
                    step(1 + n * steps + i)
                taken[name].append((time.perf_counter() - start) / steps)
    return taken


def turns(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """What each way's turns measured, by round: every round asks each of them once, in order."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, turn in ways.items():
            found[name].append(float(turn()))
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """The ratio of two ways' medians; low and high: the least and the largest of one round's.

    Both measured in the same rounds, so that a busy moment strikes both sides of a round's ratio.
    """
    if len(above) != len(below) or not above or min(*above, *below) <= 0:
        raise ValueError(
            f"ratio: got {list(above)} and {list(below)}, expected as many positive numbers each"
        )
    rounds = np.divide(above, below)
    return {
        "ratio": round(float(np.median(above) / np.median(below)), 2),
        "low": round(float(rounds.min()), 2),
        "high": round(float(rounds.max()), 2),
    }
