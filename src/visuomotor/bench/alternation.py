"""Times several ways to do a step by turns, so that whatever else the machine does strikes all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np

from visuomotor.training.loop import one_thread


def step_seconds(
    ways: Mapping[str, Callable[[int], None]], rounds: int, steps: int = 1
) -> dict[str, float]:
    """Seconds of a step of each way: the median of the rounds, of so many steps each.

    Each way is called once before, with 0, and then with the numbers of its steps from 1 on; all
    in one thread.
    """
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
    return {name: float(np.median(t)) for name, t in taken.items()}
