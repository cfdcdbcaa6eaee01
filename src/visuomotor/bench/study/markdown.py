"""Pieces of a Markdown report: tables, and shares as percent."""

from __future__ import annotations

from collections.abc import Sequence


def grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table; columns that are empty throughout are left out."""
    kept = [i for i in range(len(head)) if any(line[i] for line in lines)] or range(len(head))
    made = [
        [head[i] for i in kept],
        ["---"] * len(kept),
        *([line[i] for i in kept] for line in lines),
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in made)


def percent(share: float, digits: int = 1) -> str:
    """A share from 0 to 1 in percent, without the sign.

    >>> percent(0.9867), percent(1.0, 0)
    ('98.7', '100')
    """
    return f"{100 * share:.{digits}f}"


def signed(share: float) -> str:
    """A difference of shares in points, with its sign.

    >>> signed(-0.0321), signed(0.0)
    ('-3.2', '0.0')
    """
    points = round(100 * share, 1)
    return f"{points:+.1f}" if points else "0.0"


def named(task: str, variant: str) -> str:
    """A task, and its variant where it is not plain."""
    return task if variant == "plain" else f"{task}, {variant}"
