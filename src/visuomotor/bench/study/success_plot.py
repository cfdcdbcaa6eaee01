"""Success over a training's updates: a panel per benchmark, a line per method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from visuomotor.bench.study.cell import CellResult
from visuomotor.bench.study.panels import COLOURS, LEFT, Panel, picture

PANELS = {
    "success_hard": "hard starts",
    "success_easy": "easy starts",
    "success": "the training's starts",
}
_WIDTH, _HEIGHT, _ENTRY = 320, 250, 15


def success_plot(results: Sequence[CellResult], task: str, methods: Sequence[str]) -> str | None:
    """The picture as SVG, of each method's first training seed; None where no cell has a curve."""
    chosen: dict[str, CellResult] = {}
    for r in sorted(results, key=lambda r: r.cell.seed):
        if r.cell.task == task and r.cell.method in methods and r.curves.get("checks"):
            chosen.setdefault(r.cell.method, r)
    if not chosen:
        return None
    lines = [m for m in methods if m in chosen]
    last = max(p[0] for m in lines for p in points(chosen[m].curves["checks"], "success"))
    body = []
    for i, (metric, title) in enumerate(PANELS.items()):
        panel = Panel(i * _WIDTH, 0, _WIDTH, _HEIGHT, (0.0, max(last, 1.0)), (-0.02, 1.02))
        body.append(panel.frame(f"{task}, {title}", "update", "success"))
        for name, colour in zip(lines, COLOURS, strict=False):
            found = points(chosen[name].curves["checks"], metric)
            path = " ".join(f"{panel.to_x(a):.1f},{panel.to_y(b):.1f}" for a, b in found)
            body.append(f'<polyline class="line" stroke="{colour}" points="{path}"/>')
    for j, (name, colour) in enumerate(zip(lines, COLOURS, strict=False)):
        top = _HEIGHT + 8 + _ENTRY * j
        body.append(
            f'<line class="line" stroke="{colour}" x1="{LEFT}" x2="{LEFT + 20}" y1="{top}" '
            f'y2="{top}"/><text x="{LEFT + 26}" y="{top + 4}">{escape(name)}</text>'
        )
    height = _HEIGHT + _ENTRY * len(lines) + 8
    return picture(body, _WIDTH * len(PANELS), height, "success over updates")


def points(checks: Mapping[str, Sequence[float | None]], metric: str) -> list[tuple[float, float]]:
    """(update, success) of every look that has the metric."""
    pairs = zip(checks["step"], checks.get(metric, ()), strict=False)
    return [(float(a), float(b)) for a, b in pairs if a is not None and b is not None]
