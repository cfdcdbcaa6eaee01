"""A rollout's attention as pictures, as in figure 4 of Hand-Eye Action Networks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

import cv2
import numpy as np

from visuomotor.bench.attention.measure import NEAR_M, Look
from visuomotor.bench.study.panels import COLOURS, TOP, Panel, picture
from visuomotor.contracts import CameraFrame, Float64, SyncedFrame, UInt8
from visuomotor.geometry import inverse, transform_points

_WIDTH, _HEIGHT, _ENTRY = 640, 260, 15
_FARTHEST_M = 0.4
_RED, _BLUE, _YELLOW = (230, 40, 40), (40, 90, 240), (250, 210, 40)


def switch_plot(look: Look) -> str:
    """SVG: over the steps, how far the attended point is from each object; stages as bands."""
    steps = len(look.stages)
    panel = Panel(0, 0, _WIDTH, _HEIGHT, (0.0, float(max(steps, 1))), (0.0, 100 * _FARTHEST_M))
    names = list(look.distances)
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    body = []
    first = 0
    for stage, members in groupby(look.stages):
        last = first + len(list(members))
        left, right = panel.to_x(float(first)), panel.to_x(float(last))
        body.append(
            f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" '
            f'height="{panel.to_y.start - TOP:.1f}" fill="{colours[stage]}" opacity="0.12"/>'
            f'<text class="middle" x="{(left + right) / 2:.1f}" y="{TOP + 12}">'
            f"{escape(stage)}</text>"
        )
        first = last
    near = panel.to_y(100 * NEAR_M)
    ended = "succeeds" if look.success else "FAILS"
    title = f"seed {look.seed}, {ended}: from the attended point to each object's surface"
    body.append(panel.frame(title, "step", "cm"))
    body.append(
        f'<line class="hull" x1="{panel.to_x.start}" x2="{panel.to_x.end}" y1="{near:.1f}" '
        f'y2="{near:.1f}"/>'
    )
    for j, name in enumerate(names):
        path = " ".join(
            f"{panel.to_x(i + 0.5):.1f},{panel.to_y(100 * min(d, _FARTHEST_M)):.1f}"
            for i, d in enumerate(look.distances[name])
        )
        left = 52 + 120 * j
        body.append(
            f'<polyline class="line" stroke="{colours[name]}" points="{path}"/>'
            f'<line class="line" stroke="{colours[name]}" x1="{left}" x2="{left + 20}" '
            f'y1="{_HEIGHT + 8}" y2="{_HEIGHT + 8}"/>'
            f'<text x="{left + 26}" y="{_HEIGHT + 12}">{escape(name)}</text>'
        )
    return picture(body, _WIDTH, _HEIGHT + _ENTRY + 8, title)


def snapshots(look: Look, cameras: Sequence[str], per_stage: int = 2) -> UInt8:
    """Moments of every stage side by side, a row per camera, twice as large.

    Red: the region that counts most; blue: the attended point; yellow: the action's target.
    """
    columns = []
    for i in _moments(look, per_stage):
        frame, info = look.frames[i]
        columns.append(np.vstack([_drawn(frame, name, cameras, info) for name in cameras]))
    return np.ascontiguousarray(np.hstack(columns))


def _moments(look: Look, per_stage: int) -> list[int]:
    chosen, first = [], 0
    for _, members in groupby(look.stages):
        count = len(list(members))
        chosen += [first + round((j + 0.5) * count / per_stage) for j in range(per_stage)]
        first += count
    return [min(i, len(look.stages) - 1) for i in dict.fromkeys(chosen)]


def _drawn(
    frame: SyncedFrame, name: str, cameras: Sequence[str], info: dict[str, Float64]
) -> UInt8:
    camera, scale = frame.cameras[name], 2
    size = (camera.color.shape[1] * scale, camera.color.shape[0] * scale)
    image = np.asarray(cv2.resize(camera.color, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    number, *box = info["regions"][0]
    if cameras[int(number)] == name:
        u0, v0, u1, v1 = (round(scale * float(x)) for x in box)
        cv2.rectangle(image, (u0, v0), (u1 + 1, v1 + 1), _RED, 1)
    for points, colour, radius in (
        (info["attended"], _BLUE, 4),
        (info["action_target"], _YELLOW, 3),
    ):
        for u, v in _pixels(camera, points, size):
            cv2.circle(image, (round(u), round(v)), radius, colour, -1, cv2.LINE_AA)
    return np.pad(image, ((1, 1), (1, 1), (0, 0)), constant_values=255)


def _pixels(
    camera: CameraFrame, points: Float64, size: tuple[int, int]
) -> list[tuple[float, float]]:
    view = camera.camera.resized(*size)
    pixels = view.project(transform_points(inverse(camera.T_base_camera), points))
    return [(float(u), float(v)) for u, v in pixels if np.isfinite([u, v]).all()]
