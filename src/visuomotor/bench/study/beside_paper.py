"""The paper's figures beside ours, and whether its ordering of methods reproduces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from visuomotor.bench.study.markdown import grid, percent
from visuomotor.bench.study.plan import Study
from visuomotor.bench.study.reporting import PaperFigure
from visuomotor.bench.study.table import Row

CLEAR = 0.05
"""Two of the paper's figures that differ by less say nothing on the order of their methods."""


def beside_paper(study: Study, found: Sequence[Row]) -> str:
    """A section of Markdown, "" without figures of a paper."""
    if not study.paper:
        return ""
    ours = _ours(found)
    numbers = sorted({n for _, _, n in ours})
    tables = dict.fromkeys((f.note, f.demonstrations) for f in study.paper)
    parts = []
    for note, n in tables:
        figures = [f for f in study.paper if (f.note, f.demonstrations) == (note, n)]
        said = "its number of demonstrations is not said" if n is None else f"{n} demonstrations"
        parts.append(f"**{note}, {said}**\n\n{_table(figures, ours, [n] if n else numbers)}")
    return (
        f"## Beside the paper\n\n{study.paper_title}.\n\n**The paper's figures come from another "
        "simulator**, with other objects, cameras, experts and disturbances: only the order of "
        "methods can be compared, not the numbers. Ours: interpolation, plain variant, "
        "with its interval and number of demonstrations.\n\n"
        + "\n\n".join(parts)
        + _order(study.paper, ours, numbers)
    )


def _table(
    figures: Sequence[PaperFigure], ours: Mapping[tuple[str, str, int], Row], numbers: Sequence[int]
) -> str:
    """A line per method, a column per task."""
    tasks = list(dict.fromkeys(f.task for f in figures))
    rates = {(f.method, f.task): f.rate for f in figures}
    lines = []
    for method in dict.fromkeys(f.method for f in figures):
        texts = []
        for task in tasks:
            paper = percent(rates[method, task]) if (method, task) in rates else "–"
            rows = [ours[method, task, n] for n in numbers if (method, task, n) in ours]
            texts.append("<br>".join([f"paper {paper}", *map(_text, rows)]))
        lines.append([f"`{method}`", *texts])
    return grid(["method", *tasks], lines)


def agreement(
    paper: Sequence[PaperFigure], ours: Mapping[tuple[str, str, int], Row], n: int, task: str
) -> tuple[int, int]:
    """(pairs of methods that ours orders as the paper does, pairs that the paper tells apart).

    Of one task with n demonstrations; a tie of ours is no agreement.
    """
    known = [
        (f.rate, ours[f.method, task, n].rate)
        for f in paper
        if f.task == task and f.demonstrations is None and (f.method, task, n) in ours
    ]
    clear = [(a, b) for a, b in combinations(known, 2) if abs(a[0] - b[0]) >= CLEAR]
    return sum((a[0] - b[0]) * (a[1] - b[1]) > 0 for a, b in clear), len(clear)


def _order(
    paper: Sequence[PaperFigure], ours: Mapping[tuple[str, str, int], Row], numbers: Sequence[int]
) -> str:
    tasks = list(dict.fromkeys(f.task for f in paper))
    lines = []
    for task in tasks:
        for n in numbers:
            same, pairs = agreement(paper, ours, n, task)
            if pairs:
                lines.append([task, str(n), f"{same} of {pairs}"])
    if not lines:
        return ""
    return (
        f"\n\nPairs of methods that the paper (table I) tells apart by at least {100 * CLEAR:g} "
        "points, and how many of them come out in the same order here (a tie does not count):\n\n"
        + grid(["task", "our demonstrations", "same order"], lines)
    )


def _ours(found: Sequence[Row]) -> dict[tuple[str, str, int], Row]:
    return {
        (r.method, r.task, r.demonstrations): r
        for r in found
        if r.region == "interpolation" and r.task_variant == "plain"
    }


def _text(row: Row) -> str:
    interval = f"[{percent(row.low, 0)}, {percent(row.high, 0)}]"
    return f"ours **{percent(row.rate)}** {interval} ({row.demonstrations})"
