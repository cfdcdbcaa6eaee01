"""A picture in coloured characters, for a terminal on the far side of an ssh."""

from __future__ import annotations

import cv2
import numpy as np

from visuomotor.contracts import UInt8

_RESET = "\x1b[0m"


def terminal_picture(rgb: UInt8, columns: int, rows: int, true_colour: bool) -> str:
    """Lines of upper half blocks, two pixels each, within columns and rows of characters.

    true_colour: 24 bits a colour; else the 256 colours that every terminal has.
    """
    height, width = rgb.shape[:2]
    scale = min(columns / width, 2 * rows / height)
    size = max(1, int(scale * width)), max(2, int(scale * height) // 2 * 2)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    lines = []
    for upper, lower in zip(small[::2], small[1::2], strict=True):
        cells = (
            f"\x1b[38;{_code(above, true_colour)};48;{_code(below, true_colour)}m▀"
            for above, below in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + _RESET)
    return "\n".join(lines)


def _code(colour: UInt8, true_colour: bool) -> str:
    red, green, blue = map(int, colour)
    if true_colour:
        return f"2;{red};{green};{blue}"
    r, g, b = (int(np.rint(v / 51)) for v in (red, green, blue))
    return f"5;{16 + 36 * r + 6 * g + b}"
