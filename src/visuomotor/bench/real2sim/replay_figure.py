"""A figure of demonstrations and of what physics made of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visuomotor.bench.study.panels import Panel, bounds, picture
from visuomotor.contracts import Float64
from visuomotor.video.replay import Replay

_SIDE, _COLUMNS, _ENTRY = 190, 3, 26
SHOWN, REPLAYED, FAILED = "#8c959f", "#0f9d72", "#cf222e"


def replay_figure(replays: Mapping[str, Replay]) -> str:
    """SVG: of each demonstration the object's path from above and from the front, m.

    Dashed as demonstrated, solid in MuJoCo: green where the action's metric is satisfied, else red.
    Dots are where paths end.
    """
    body = []
    for number, (name, done) in enumerate(replays.items()):
        left, top = 2 * _SIDE * (number % _COLUMNS), _SIDE * (number // _COLUMNS)
        both = np.concatenate([done.shown, done.moved])
        title = f"{name}: {100 * done.off_m.mean():.1f} cm"
        for place, (axis, label) in enumerate(((1, "away (y)"), (2, "up (z)"))):
            x, y = _square(both[:, 0], both[:, axis])
            panel = Panel(left + place * _SIDE, top, _SIDE, _SIDE, x, y)
            body.append(panel.frame(title if place == 0 else done.action, "right (x)", label))
            body.append(_line(panel, done.shown[:, [0, axis]], SHOWN, "4 3"))
            colour = REPLAYED if done.as_replayed else FAILED
            body.append(_line(panel, done.moved[:, [0, axis]], colour, ""))
    rows = -(-len(replays) // _COLUMNS)
    entries = ((SHOWN, "demonstrated"), (REPLAYED, "replayed, satisfied"), (FAILED, "not"))
    for i, (colour, text) in enumerate(entries):
        at, base = 20 + 150 * i, rows * _SIDE + 12
        body.append(
            f'<line class="line" stroke="{colour}" x1="{at}" x2="{at + 18}" y1="{base}" '
            f'y2="{base}"/><text x="{at + 23}" y="{base + 4}">{text}</text>'
        )
    width = 2 * _SIDE * min(_COLUMNS, max(len(replays), 1))
    return picture(body, width, rows * _SIDE + _ENTRY, "Demonstrations replayed in physics")


def _square(x: Float64, y: Float64) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bounds of both axes, as long as one another, so that ways keep their shape."""
    ends = [bounds(list(v)) for v in (x, y)]
    reach = max(max(b - a for a, b in ends), 0.1) / 2
    low, high = ((a + b) / 2 for a, b in ends)
    return (low - reach, low + reach), (high - reach, high + reach)


def _line(panel: Panel, path: Float64, colour: str, dashes: str) -> str:
    places = [(panel.to_x(float(a)), panel.to_y(float(b))) for a, b in path]
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    x, y = places[-1]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<polyline class="line" stroke="{colour}"{dashed} points="{points}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>'
    )
