"""Pictures of what a stage 1 draws."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import cv2
import numpy as np

from visuomotor.bench.modes.walks import Draw, Walk
from visuomotor.bench.study.panels import COLOURS, Panel, bounds, picture
from visuomotor.contracts import Float64, UInt8

_WIDTH, _HEIGHT, _ENTRY = 380, 330, 24
_MOMENTS, _SHOWN_PX = 8, 96
_FAINT = 0.01
"""Components of less weight are not drawn."""


def trajectories(walks: Sequence[Walk]) -> str:
    """SVG: a panel per start with the hand's paths from above, coloured by the mode followed.

    Robot at the bottom, looking up the page; the goal that was reached stands at a path's end.
    """
    starts = sorted({w.start for w in walks})
    places = np.concatenate([np.array(w.hand_m) for w in walks if w.hand_m])
    across, away = bounds(list(-places[:, 1])), bounds(list(places[:, 0]))
    body = []
    for i, start in enumerate(starts):
        panel = Panel(i * _WIDTH, 0, _WIDTH, _HEIGHT, across, away)
        group = [w for w in walks if w.start == start and w.hand_m]
        solved = sum(bool(w.reached) for w in group)
        title = f"from {start}: {solved} of {len(group)} in a goal"
        body.append(panel.frame(title, "to the right (-y), m", "ahead (x), m"))
        body += [_path(panel, w) for w in group]
    body.append(_legend(walks, _HEIGHT))
    return picture(body, _WIDTH * len(starts), _HEIGHT + _ENTRY, "Paths by mode")


def components(walks: Sequence[Walk]) -> str:
    """SVG: the prior's components in the plane of their two main axes, one panel per third of time.

    A disc per component and draw at its mean, its area by its weight, none below 1%; a cross per
    latent drawn.
    """
    draws = [(d, w) for w in walks for d in w.draws]
    means = np.concatenate([d.means for d, _ in draws])
    centre = means.mean(0)
    axes = np.linalg.svd(means - centre, full_matrices=False)[2][:2]
    if len(axes) < 2:
        axes = np.vstack([axes, np.zeros_like(axes)])
    flat = (means - centre) @ axes.T
    x, y = bounds(list(flat[:, 0])), bounds(list(flat[:, 1]))
    body, titles = [], ("first third", "second third", "last third")
    for i, title in enumerate(titles):
        panel = Panel(i * _WIDTH, 0, _WIDTH, _HEIGHT, x, y)
        body.append(panel.frame(f"{title} of the way", "first axis", "second axis"))
        body += [
            _components(panel, d, centre, axes)
            for d, w in draws
            if min(2, 3 * d.step // max(1, len(w.modes))) == i
        ]
    body.append(_legend(walks, _HEIGHT))
    return picture(body, _WIDTH * len(titles), _HEIGHT + _ENTRY, "Components of the prior")


def subgoals(path: Walk) -> UInt8:
    """Moments of one rollout: above what the cameras saw, below the subgoal drawn, in its colour.

    path: a walk whose images were kept.
    """
    kept = [d for d in path.draws if d.seen]
    chosen = np.unique(np.linspace(0, len(kept) - 1, min(_MOMENTS, len(kept))).round().astype(int))
    columns = [np.vstack([_seen(kept[i]), _decoded(kept[i])]) for i in chosen]
    return np.ascontiguousarray(np.hstack(columns))


def _path(panel: Panel, path: Walk) -> str:
    places = [(panel.to_x(float(-p[1])), panel.to_y(float(p[0]))) for p in path.hand_m]
    parts, first = [], 0
    for i in range(1, len(places) + 1):
        if i == len(places) or path.modes[i] != path.modes[first]:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places[first : i + 1])
            colour = COLOURS[path.modes[first] % len(COLOURS)]
            parts.append(f'<polyline class="line" stroke="{colour}" points="{points}"/>')
            first = i
    x, y = places[-1]
    parts.append(f'<text class="middle" x="{x:.1f}" y="{y - 4:.1f}">{escape(path.reached)}</text>')
    return "".join(parts)


def _components(panel: Panel, draw: Draw, centre: Float64, axes: Float64) -> str:
    parts = []
    for mode, (mean, weight) in enumerate(zip(draw.means, draw.weights, strict=True)):
        if weight < _FAINT:
            continue
        u, v = (mean - centre) @ axes.T
        parts.append(
            f'<circle cx="{panel.to_x(float(u)):.1f}" cy="{panel.to_y(float(v)):.1f}" '
            f'r="{1 + 6 * float(np.sqrt(weight)):.1f}" fill="{COLOURS[mode % len(COLOURS)]}" '
            f'opacity="{0.05 + 0.35 * float(weight):.2f}"/>'
        )
    u, v = (draw.latent - centre) @ axes.T
    x = panel.to_x(float(np.clip(u, *panel.x)))
    y = panel.to_y(float(np.clip(v, *panel.y)))
    parts.append(f'<path class="training" d="M{x - 2:.1f} {y:.1f}h4M{x:.1f} {y - 2:.1f}v4"/>')
    return "".join(parts)


def _legend(walks: Sequence[Walk], top: float) -> str:
    modes = sorted({d.mode for w in walks for d in w.draws})
    return "".join(
        f'<line class="line" stroke="{COLOURS[m % len(COLOURS)]}" x1="{52 + 62 * i}" '
        f'x2="{68 + 62 * i}" y1="{top + 10}" y2="{top + 10}"/>'
        f'<text x="{72 + 62 * i}" y="{top + 14}">mode {m}</text>'
        for i, m in enumerate(modes)
    )


def _seen(draw: Draw) -> UInt8:
    return _framed(np.hstack([_square(image) for image in draw.seen]), (255, 255, 255))


def _decoded(draw: Draw) -> UInt8:
    image = np.asarray(np.clip(255 * draw.subgoal, 0, 255), np.uint8)
    side = image.shape[0]
    views = [image[:, i : i + side] for i in range(0, image.shape[1], side)]
    colour = COLOURS[draw.mode % len(COLOURS)].lstrip("#")
    rgb = tuple(int(colour[i : i + 2], 16) for i in (0, 2, 4))
    return _framed(np.hstack([_square(v) for v in views]), (rgb[0], rgb[1], rgb[2]))


def _square(image: UInt8) -> UInt8:
    size = (_SHOWN_PX, _SHOWN_PX)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _framed(image: UInt8, rgb: tuple[int, int, int]) -> UInt8:
    framed = cv2.copyMakeBorder(image, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=rgb)
    return np.asarray(framed, np.uint8)
