"""An image with the corners that were found in it, for people to look at."""

from __future__ import annotations

import cv2
import numpy as np

from visuomotor.calibration.collector import Shot
from visuomotor.contracts import UInt8

GREEN, RED = (60, 220, 60), (230, 60, 60)


def annotated(shot: Shot, square_m: float) -> UInt8:
    """The shot's image (H, W, 3) RGB: corners with numbers, the board's axes, or what is wrong.

    square_m: the axes are drawn two squares long, x red, y green, z blue.
    """
    picture: UInt8 = shot.color.copy()
    if isinstance(shot.found, str):
        cv2.putText(picture, shot.found[:90], (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.4, RED, 1)
        return picture
    found = shot.found
    for number, (u, v) in zip(found.ids.tolist(), found.pixels.tolist(), strict=True):
        at = round(u), round(v)
        cv2.circle(picture, at, 4, GREEN, 1, cv2.LINE_AA)
        cv2.putText(picture, str(number), (at[0] + 5, at[1] - 4), 0, 0.35, GREEN, 1, cv2.LINE_AA)
    origin = found.T_camera_board
    tips = origin[:3, 3:] + 2 * square_m * np.hstack([np.zeros((3, 1)), origin[:3, :3]])
    pixels = shot.K @ tips
    start, *ends = np.rint(pixels[:2] / pixels[2]).astype(int).T.tolist()
    for end, colour in zip(ends, (RED, GREEN, (80, 120, 255)), strict=True):
        cv2.line(picture, start, end, colour, 2, cv2.LINE_AA)
    return picture
