"""Learning curves of a study's cells: a panel per task, a line per method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from visuomotor.bench.study.cell import CellResult
from visuomotor.bench.study.panels import COLOURS, LEFT, Panel, bounds, picture
from visuomotor.bench.study.reporting import CurvePlot

_WIDTH, _HEIGHT, _ENTRY = 360, 250, 15
_Line = list[tuple[float, float]]


def curve_plot(results: Sequence[CellResult], plots: Sequence[CurvePlot]) -> str | None:
    """The picture as SVG; None where no cell has such a curve.

    Of each method the first training seed with the most demonstrations; loss on a logarithmic
    axis. What is not finite or not positive is left out of the line.
    """
    drawn = [(plot, lines) for plot in plots if (lines := _lines(results, plot))]
    if not drawn:
        return None
    names = list(dict.fromkeys(name for _, lines in drawn for name, _ in lines))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    body = []
    for i, (plot, lines) in enumerate(drawn):
        points = [p for line in lines.values() for p in line]
        left = i * _WIDTH + LEFT
        x = (0.0, max(p[0] for p in points))
        y = bounds([p[1] for p in points], log=True)
        panel = Panel(i * _WIDTH, 0, _WIDTH, _HEIGHT, x, y, log_y=True)
        stage = "" if plot.stage == "policy" else f", {plot.stage}"
        body.append(panel.frame(f"{plot.task}{stage}", "step", plot.metric))
        for j, ((name, n), line) in enumerate(lines.items()):
            path = " ".join(f"{panel.to_x(a):.1f},{panel.to_y(b):.1f}" for a, b in line)
            top = _HEIGHT + 8 + _ENTRY * j
            body.append(
                f'<polyline class="line" stroke="{colours[name]}" points="{path}"/>'
                f'<line class="line" stroke="{colours[name]}" x1="{left}" x2="{left + 20}" '
                f'y1="{top}" y2="{top}"/>'
                f'<text x="{left + 26}" y="{top + 4}">{escape(name)}, {n} demonstrations</text>'
            )
    height = _HEIGHT + _ENTRY * max(len(lines) for _, lines in drawn) + 8
    return picture(body, _WIDTH * len(drawn), height, "learning curves")


def _lines(results: Sequence[CellResult], plot: CurvePlot) -> dict[tuple[str, int], _Line]:
    """Method and its number of demonstrations -> the points of its curve."""
    best: dict[str, CellResult] = {}
    for r in sorted(results, key=lambda r: (-r.cell.demonstrations, r.cell.seed)):
        c = r.cell
        wanted = (c.task, c.task_variant) == (plot.task, "plain")
        if wanted and (not plot.methods or c.method in plot.methods) and _points(r, plot):
            best.setdefault(c.method, r)
    order = plot.methods or sorted(best)
    return {(m, best[m].cell.demonstrations): _points(best[m], plot) for m in order if m in best}


def _points(result: CellResult, plot: CurvePlot) -> _Line:
    curve = result.curves.get(plot.stage, {})
    pairs = zip(curve.get("step", []), curve.get(plot.metric, []), strict=True)
    return [
        (float(a), float(b))
        for a, b in pairs
        if a is not None and b is not None and math.isfinite(b) and b > 0
    ]
