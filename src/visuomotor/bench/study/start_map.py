"""Success over the objects' starts, as Fig. 4 of Florence et al. 2020: a panel per method and n."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visuomotor.bench.study.cell import CellResult
from visuomotor.bench.study.hull import hull_2d
from visuomotor.bench.study.panels import BOTTOM, LEFT, TOP, Panel, bounds, picture
from visuomotor.bench.study.reporting import StartMap

FAR_M = 0.10
"""Rollouts that ended farther from the goal than this look alike."""
SUCCESS = "#1f6feb"
_NEAR, _FAR = np.array([244, 182, 74]), np.array([176, 24, 32])  # rgb of failures
_AXES = {"x": (0, 1.0, "x, m"), "y": (1, 1.0, "y, m"), "yaw": (2, 180 / np.pi, "yaw, degrees")}
_SIZE, _LEGEND = 220, 34


def start_map(results: Sequence[CellResult], chosen: StartMap) -> str | None:
    """The picture as SVG; None where no cell holds what it takes.

    Of each method and number of demonstrations the first training seed's cell. Blue: success;
    yellow to red: failure, by the final distance to the goal. Gray: the training configurations
    and their convex hull in this projection.
    """
    cells = _cells(results, chosen)
    if not cells:
        return None
    methods = [m for m in (chosen.methods or sorted({m for m, _ in cells}))]
    methods = [m for m in methods if any(m == other for other, _ in cells)]
    numbers = sorted({n for _, n in cells})
    everything = np.concatenate([_drawn(_all_starts(c, chosen), chosen) for c in cells.values()])
    x, y = bounds(everything[:, 0].tolist()), bounds(everything[:, 1].tolist())
    labels = [_AXES[a][2] for a in chosen.axes]
    body = []
    for row, n in enumerate(numbers):
        for column, method in enumerate(methods):
            panel = Panel(column * _SIZE, row * _SIZE, _SIZE, _SIZE, x, y)
            body.append(panel.frame(f"{method}, {n}", *labels))
            if (method, n) in cells:
                body.append(_points(cells[method, n], chosen, panel))
    width, height = max(_SIZE * len(methods), 420), _SIZE * len(numbers)
    body.append(_legend(height))
    return picture(body, width, height + _LEGEND, f"{chosen.task}: success over starts")


def _cells(results: Sequence[CellResult], chosen: StartMap) -> dict[tuple[str, int], CellResult]:
    found: dict[tuple[str, int], CellResult] = {}
    for r in sorted(results, key=lambda r: r.cell.seed):
        c = r.cell
        if (
            (c.task, c.task_variant) == (chosen.task, "plain")
            and (not chosen.methods or c.method in chosen.methods)
            and (not chosen.demonstrations or c.demonstrations in chosen.demonstrations)
            and r.training_starts
            and _rollouts(r, chosen)
        ):
            found.setdefault((c.method, c.demonstrations), r)
    return found


def _rollouts(result: CellResult, chosen: StartMap) -> list[tuple[list[float], int, float | None]]:
    """(start, success, final distance m or None) of the chosen regions that hold starts."""
    found = []
    for name in chosen.regions:
        region = result.regions.get(name, {"success": []})
        starts, n = region.get("start", []), len(region["success"])
        errors = region.get("error", [None] * n)
        if len(starts) == len(errors) == n:
            distances = [None if e is None else float(e[0]) for e in errors]
            found += list(zip(starts, region["success"], distances, strict=True))
    return found


def _all_starts(result: CellResult, chosen: StartMap) -> list[list[float]]:
    return [*result.training_starts, *(s for s, _, _ in _rollouts(result, chosen))]


def _drawn(starts: Sequence[Sequence[float]], chosen: StartMap) -> NDArray[np.float64]:
    """(N, 2) in the axes' units."""
    index, scale = zip(*(_AXES[a][:2] for a in chosen.axes), strict=True)
    drawn: NDArray[np.float64] = np.array(starts, float)[:, list(index)] * scale
    return drawn


def _points(result: CellResult, chosen: StartMap, panel: Panel) -> str:
    parts = []
    training = _drawn(result.training_starts, chosen)
    corners = hull_2d(training)
    path = " ".join(f"{panel.to_x(a):.1f},{panel.to_y(b):.1f}" for a, b in corners)
    parts.append(f'<polygon class="hull" points="{path}"/>')
    for a, b in training:
        parts.append(_cross(panel.to_x(a), panel.to_y(b)))
    rollouts = _rollouts(result, chosen)
    # The farthest misses last, so that success does not hide them.
    rollouts.sort(key=lambda r: (not r[1], r[2] or 0.0))
    for (a, b), (_, success, distance) in zip(
        _drawn([s for s, _, _ in rollouts], chosen), rollouts, strict=True
    ):
        parts.append(
            f'<circle cx="{panel.to_x(a):.1f}" cy="{panel.to_y(b):.1f}" r="2.6" '
            f'fill="{SUCCESS if success else failure_colour(distance)}"/>'
        )
    return "".join(parts)


def failure_colour(distance_m: float | None) -> str:
    """Yellow beside the goal, red far from it or where the distance is not known."""
    share = 1.0 if distance_m is None else min(1.0, max(0.0, distance_m / FAR_M))
    r, g, b = np.round(_NEAR + share * (_FAR - _NEAR)).astype(int)
    return f"#{r:02x}{g:02x}{b:02x}"


def _cross(x: float, y: float) -> str:
    return f'<path class="training" d="M{x - 2.2:.1f} {y - 2.2:.1f}l4.4 4.4m-4.4 0l4.4 -4.4"/>'


def _legend(top: float) -> str:
    y = top + _LEGEND / 2
    parts = [f'<circle cx="16" cy="{y}" r="4" fill="{SUCCESS}"/>', _text(25, y, "success")]
    for i in range(30):
        colour = failure_colour(FAR_M * i / 29)
        parts.append(
            f'<rect x="{86 + 2 * i}" y="{y - 5}" width="2.5" height="10" fill="{colour}"/>'
        )
    parts.append(_text(152, y, f"failed, 0 to {100 * FAR_M:.0f} cm from the goal"))
    parts += [_cross(350, y), _text(360, y, "training, its hull")]
    return "".join(parts)


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x}" y="{y + 4}">{text}</text>'


assert LEFT + TOP + BOTTOM < _SIZE
