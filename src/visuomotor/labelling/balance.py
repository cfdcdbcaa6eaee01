"""How even the labels are: a classifier that always says the commoner one learns nothing."""

from __future__ import annotations

from collections.abc import Mapping

MOST_TO_ONE = 3
"""The commoner label may have so many times the pictures of the rarer one."""
_FIRST = 20  # too few to speak of balance


def imbalance(counts: Mapping[str, int]) -> str:
    """What to add so that the labels are even enough; empty: they are, or it is too early."""
    if len(counts) < 2 or sum(counts.values()) < _FIRST:
        return ""
    most = max(counts, key=lambda label: counts[label])
    lacking = {
        label: -(-counts[most] // MOST_TO_ONE) - n
        for label, n in counts.items()
        if n * MOST_TO_ONE < counts[most]
    }
    if not lacking:
        return ""
    add = ", ".join(f"{n} more {label}" for label, n in lacking.items())
    return f"uneven: {counts[most]} {most}; add {add}"
