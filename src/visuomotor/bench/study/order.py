"""The cells that wait and those in work, in order of priority, whoever works at them."""

from __future__ import annotations

from collections.abc import Sequence

from visuomotor.bench.study.request import Wanted


class Order:
    """Which cell comes next.

    A cell that would have to wait for what another one is making (descriptors, demonstrations) is
    postponed until any cell ends.
    """

    def __init__(self, missing: Sequence[Wanted]) -> None:
        self._waiting = list(missing)
        self._postponed: set[str] = set()
        self._running = 0

    def __bool__(self) -> bool:
        """Whether anything is waiting or in work."""
        return bool(self._waiting or self._running)

    def next(self) -> tuple[Wanted, bool] | None:
        """The first that may begin, and whether it had better give up than wait for others.

        If none may and none is in work, the first of all, to wait; None for none now.
        """
        free = [w for w in self._waiting if w.cell.name not in self._postponed]
        found = next(iter(free or ([] if self._running else self._waiting)), None)
        if found is None:
            return None
        self._waiting.remove(found)
        self._running += 1
        return found, bool(self._waiting) and found.cell.name not in self._postponed

    @property
    def left(self) -> int:
        """How many wait or are in work."""
        return len(self._waiting) + self._running

    def postpone(self, wanted: Wanted) -> None:
        """One in work gave up instead of waiting."""
        self._running -= 1
        self._postponed.add(wanted.cell.name)
        self._waiting.insert(0, wanted)

    def end(self) -> None:
        """One in work has ended."""
        self._running -= 1
        self._postponed.clear()

    def stop(self) -> None:
        """Nothing else is begun."""
        self._waiting.clear()
