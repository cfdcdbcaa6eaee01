"""Tells at a slow rate how far a cell is, and counts the time that its training takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from visuomotor.bench.study.work import waited_s
from visuomotor.training import Progress

Say = Callable[[str], None]
EVERY_S = 60.0


class Watch:
    """Says one plain line a minute, so that a long run can be followed.

    spent: called with the seconds since it was last called, waiting for other processes left out,
    at every line and at the end: so a killed run's time counts, too.
    """

    def __init__(
        self,
        name: str,
        say: Say,
        spent: Callable[[float], None] = lambda _: None,
        every_s: float = EVERY_S,
    ) -> None:
        self._name, self._say, self._spent, self._every_s = name, say, spent, every_s
        self._counted_s = self._now_s()
        self._told_s = time.monotonic()

    def report(self, progress: Progress) -> None:
        """An event of a training."""
        values = [f"{k} {v:.4g}" for k, v in progress.metrics.items()]
        if progress.eta_s is not None:
            values.append(f"{progress.eta_s / 60:.0f} min left")
        self.tell(f"{progress.stage} {progress.step} of {progress.total}: {', '.join(values)}")

    def tell(self, text: str) -> None:
        """Says it if the last line is old enough."""
        if time.monotonic() - self._told_s >= self._every_s:
            self._told_s = time.monotonic()
            self._say(f"{self._name}: {text}")
            self.close()

    def close(self) -> None:
        """Counts the time up to now."""
        now_s = self._now_s()
        self._spent(now_s - self._counted_s)
        self._counted_s = now_s

    def _now_s(self) -> float:
        return time.monotonic() - waited_s()
