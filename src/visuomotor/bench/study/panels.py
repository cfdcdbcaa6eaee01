"""Panels of a picture that stands alone: axes and a frame, as SVG with its own colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from visuomotor.bench.charts import Scale, log_ticks, nice_ticks, number

LEFT, RIGHT, TOP, BOTTOM = 52, 12, 24, 34
COLOURS = (
    *("#1f6feb", "#c2571a", "#0f9d72", "#8250df", "#d4a72c"),
    *("#cf222e", "#0a7ea4", "#6e7781", "#bf3989", "#4d7c0f"),
)
STYLE = """
text { font: 11px system-ui, sans-serif; fill: #57606a; }
.title { font-weight: 600; fill: #1f2328; font-size: 12px; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.frame { fill: none; stroke: #d0d7de; } .grid { stroke: #eaeef2; }
.hull { fill: none; stroke: #6e7781; stroke-dasharray: 4 3; }
.training { stroke: #8c959f; stroke-width: 1.2; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
"""


@dataclass(frozen=True)
class Panel:
    """A frame at (left, top) px of the picture, with an axis to the right and one upwards."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    log_y: bool = False

    @property
    def to_x(self) -> Scale:
        """Value -> px to the right."""
        return Scale(*self.x, self.left + LEFT, self.left + self.width - RIGHT)

    @property
    def to_y(self) -> Scale:
        """Value -> px downwards."""
        low, high = self.top + self.height - BOTTOM, self.top + TOP
        return Scale(*self.y, low, high, self.log_y)

    def frame(self, title: str, x_label: str = "", y_label: str = "") -> str:
        """Everything but the data."""
        to_x, to_y = self.to_x, self.to_y
        parts = [
            f'<text class="title middle" x="{(to_x.start + to_x.end) / 2:.1f}" '
            f'y="{self.top + TOP - 8}">{escape(title)}</text>'
        ]
        for t in log_ticks(*self.y) if self.log_y else nice_ticks(*self.y, 4):
            parts.append(
                f'<line class="grid" x1="{to_x.start}" x2="{to_x.end}" y1="{to_y(t):.1f}" '
                f'y2="{to_y(t):.1f}"/><text class="end" x="{to_x.start - 5}" '
                f'y="{to_y(t) + 4:.1f}">{number(round(t, 9))}</text>'
            )
        for t in nice_ticks(*self.x, 4):
            parts.append(
                f'<line class="grid" y1="{to_y.start}" y2="{to_y.end}" x1="{to_x(t):.1f}" '
                f'x2="{to_x(t):.1f}"/><text class="middle" x="{to_x(t):.1f}" '
                f'y="{to_y.start + 14}">{number(round(t, 9))}</text>'
            )
        parts.append(
            f'<rect class="frame" x="{to_x.start}" y="{to_y.end}" '
            f'width="{to_x.end - to_x.start:.1f}" height="{to_y.start - to_y.end:.1f}"/>'
            f'<text class="middle" x="{(to_x.start + to_x.end) / 2:.1f}" '
            f'y="{to_y.start + 28}">{escape(x_label)}</text>'
        )
        middle = (to_y.start + to_y.end) / 2
        parts.append(
            f'<text class="middle" transform="translate({self.left + 10} {middle:.1f}) '
            f'rotate(-90)">{escape(y_label)}</text>'
        )
        return "".join(parts)


def picture(body: Sequence[str], width: float, height: float, title: str) -> str:
    """A whole SVG file on white, so that it reads on any page."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" role="img" aria-label="{escape(title, quote=True)}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def bounds(values: Sequence[float], log: bool = False) -> tuple[float, float]:
    """An axis that holds all values, with a little room."""
    low, high = min(values), max(values)
    if log:
        return low / 1.15, high * 1.15
    pad = 0.05 * (high - low) or max(0.05 * abs(high), math.ulp(1.0), 1e-3)
    return low - pad, high + pad
