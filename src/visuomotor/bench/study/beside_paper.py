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


Column = tuple[str, str]
"""A task and a region."""
Ours = Mapping[tuple[str, Column, str, int], Row]
"""Rows by method, column, source and number of demonstrations."""


def beside_paper(study: Study, found: Sequence[Row]) -> str:
    """A section of Markdown, "" without figures of a paper."""
    if not study.paper:
        return ""
    ours = _ours(found)
    numbers = sorted({n for *_, n in ours})
    parts = []
    for note, n, source in dict.fromkeys((f.note, f.demonstrations, f.source) for f in study.paper):
        kind = (note, n, source)
        figures = [f for f in study.paper if (f.note, f.demonstrations, f.source) == kind]
        said = "its number of demonstrations is not said" if n is None else f"{n} demonstrations"
        said += "" if source == "expert" else f", {source}"
        parts.append(f"**{note}, {said}**\n\n{_table(figures, ours, [n] if n else numbers)}")
    regions = " and ".join(dict.fromkeys(f.region for f in study.paper))
    return (
        f"## Beside the paper\n\n{study.paper_title}.\n\n**The paper's figures come from another "
        "simulator**, with other objects, cameras, experts and disturbances: only the order of "
        f"methods can be compared, not the numbers. Ours: {regions}, plain variant, "
        "with its interval and number of demonstrations.\n\n"
        + "\n\n".join(parts)
        + _order(study.paper, ours, numbers)
    )


def _table(figures: Sequence[PaperFigure], ours: Ours, numbers: Sequence[int]) -> str:
    """A line per method, a column per task and region."""
    columns = list(dict.fromkeys((f.task, f.region) for f in figures))
    rates = {(f.method, (f.task, f.region)): f.rate for f in figures}
    source = figures[0].source
    lines = []
    for method in dict.fromkeys(f.method for f in figures):
        texts = []
        for column in columns:
            paper = percent(rates[method, column]) if (method, column) in rates else "–"
            keys = [(method, column, source, n) for n in numbers]
            rows = [ours[key] for key in keys if key in ours]
            texts.append("<br>".join([f"paper {paper}", *map(_text, rows)]))
        lines.append([f"`{method}`", *texts])
    return grid(["method", *map(_named, columns)], lines)


def agreement(
    paper: Sequence[PaperFigure], ours: Ours, n: int, column: Column, source: str = "expert"
) -> tuple[int, int]:
    """(pairs of methods that ours orders as the paper does, pairs that the paper tells apart).

    Of one task and region with n demonstrations, beside the paper's figures for as many or, where
    it does not say how many, all of them; a tie of ours is no agreement.
    """
    exact = [f for f in paper if f.demonstrations == n]
    known = []
    for f in exact or [f for f in paper if f.demonstrations is None]:
        key = (f.method, column, source, n)
        if (f.task, f.region) == column and f.source == source and key in ours:
            known.append((f.rate, ours[key].rate))
    clear = [(a, b) for a, b in combinations(known, 2) if abs(a[0] - b[0]) >= CLEAR]
    return sum((a[0] - b[0]) * (a[1] - b[1]) > 0 for a, b in clear), len(clear)


def _order(paper: Sequence[PaperFigure], ours: Ours, numbers: Sequence[int]) -> str:
    lines = []
    for task, region, source in dict.fromkeys((f.task, f.region, f.source) for f in paper):
        for n in numbers:
            for note in dict.fromkeys(f.note for f in paper):
                figures = [f for f in paper if f.note == note]
                same, pairs = agreement(figures, ours, n, (task, region), source)
                if pairs:
                    shown = "" if source == "expert" else f", {source}"
                    where = f"{_named((task, region))}{shown}"
                    lines.append([where, note, str(n), f"{same} of {pairs}"])
    if not lines:
        return ""
    return (
        f"\n\nPairs of methods that the paper tells apart by at least {100 * CLEAR:g} points, and "
        "how many of them come out in the same order here (a tie does not count):\n\n"
        + grid(["task", "paper", "our demonstrations", "same order"], lines)
    )


def _named(column: Column) -> str:
    task, region = column
    return task if region == "interpolation" else f"{task}, {region}"


def _ours(found: Sequence[Row]) -> dict[tuple[str, Column, str, int], Row]:
    return {
        (r.method, (r.task, r.region), r.source, r.demonstrations): r
        for r in found
        if r.task_variant == "plain"
    }


def _text(row: Row) -> str:
    interval = f"[{percent(row.low, 0)}, {percent(row.high, 0)}]"
    return f"ours **{percent(row.rate)}** {interval} ({row.demonstrations})"
