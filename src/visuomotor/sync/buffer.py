"""A short list of things kept in the order of their stamps."""

from __future__ import annotations

from bisect import bisect_left
from typing import Generic, TypeVar

T = TypeVar("T")


class StampedBuffer(Generic[T]):
    """Items sorted by stamp; made for input that is nearly in order.

    stamps and items are parallel lists, oldest first. To be read by others, changed only here.
    """

    __slots__ = ("items", "stamps")

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self.items: list[T] = []

    def __len__(self) -> int:
        return len(self.stamps)

    def __contains__(self, stamp_ns: int) -> bool:
        i = bisect_left(self.stamps, stamp_ns)
        return i < len(self.stamps) and self.stamps[i] == stamp_ns

    def insert(self, stamp_ns: int, item: T) -> None:
        """Puts the item at its place."""
        if not self.stamps or stamp_ns > self.stamps[-1]:
            self.stamps.append(stamp_ns)
            self.items.append(item)
            return
        i = bisect_left(self.stamps, stamp_ns)
        self.stamps.insert(i, stamp_ns)
        self.items.insert(i, item)

    def take_nearest(self, stamp_ns: int, tolerance_ns: int) -> T | None:
        """Removes and returns the item nearest to the stamp, None if none is near enough."""
        i = bisect_left(self.stamps, stamp_ns)
        near = [j for j in (i - 1, i) if 0 <= j < len(self.stamps)]
        if not near:
            return None
        best = min(near, key=lambda j: abs(self.stamps[j] - stamp_ns))
        if abs(self.stamps[best] - stamp_ns) > tolerance_ns:
            return None
        del self.stamps[best]
        return self.items.pop(best)

    def take_before(self, stamp_ns: int) -> list[T]:
        """Removes and returns the items with a smaller stamp."""
        if not self.stamps or self.stamps[0] >= stamp_ns:
            return []
        return self.take_first(bisect_left(self.stamps, stamp_ns))

    def take_first(self, count: int) -> list[T]:
        """Removes and returns the oldest `count` items."""
        taken = self.items[:count]
        del self.stamps[:count]
        del self.items[:count]
        return taken
