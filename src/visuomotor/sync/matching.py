"""Which views of several cameras belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Match:
    """What the sweep found.

    indices: one index per camera, None if there is no set yet. spread_ns: newest minus oldest
    stamp of the set. stamp_ns: the middle between the two. skipped: complete sets that lie
    before the earliest stamp allowed.
    """

    indices: tuple[int, ...] | None = None
    spread_ns: int = 0
    stamp_ns: int = 0
    skipped: list[tuple[int, ...]] = field(default_factory=list)


def match(stamps: Sequence[Sequence[int]], spread_ns: int, earliest_ns: int | None) -> Match:
    """The next set: the first in time, or a tighter one that shares a view with it.

    stamps: per camera its views' stamps in ns, ascending. A set is one view per camera, all
    within spread_ns; its stamp, the middle of its oldest and newest view, is not before
    earliest_ns. One sweep visits, for each view taken as the oldest, the tightest set that it
    begins (smallest range over k lists), so no set is overlooked. Taking the middle as the stamp
    makes the largest skew half the spread: the tightest set has the smallest possible skew.
    """
    result = Match()
    if not all(stamps):
        return result
    at = [0] * len(stamps)
    heads = [s[0] for s in stamps]
    first: tuple[int, ...] | None = None
    while True:
        low, high = min(heads), max(heads)
        if first is not None and not any(i == j for i, j in zip(at, first, strict=True)):
            return result
        if high - low <= spread_ns:
            middle = (low + high) // 2
            if earliest_ns is not None and middle < earliest_ns:
                result.skipped.append(tuple(at))
            elif first is None or high - low < result.spread_ns:
                result.indices = tuple(at)
                result.spread_ns, result.stamp_ns = high - low, middle
                first = first or result.indices
                if low == high:
                    return result
        camera = heads.index(low)
        at[camera] += 1
        if at[camera] == len(stamps[camera]):
            return result
        heads[camera] = stamps[camera][at[camera]]
