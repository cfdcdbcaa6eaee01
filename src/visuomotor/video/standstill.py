"""Whether the camera stands still: what the estimator takes for granted."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError

MOVED_PX = 4.0
"""By which most of the background has moved, of images 240 px high."""
_CORNERS, _FEWEST, _SHARE = 200, 12, 0.6


def check_standstill(images: UInt8, bodies: NDArray[np.bool_], source: str = "video") -> None:
    """Raises DataError naming the frame in which the background of images (T, H, W, 3) has moved.

    bodies (T, H, W): what moves by itself. Corners of the first frame's background are followed to
    every frame and back; a frame that shows too few of them, or too little texture, says nothing.
    """
    grey = [_texture(i) for i in images]
    kernel = np.ones((9, 9), np.uint8)
    free = [cv2.dilate(b.astype(np.uint8), kernel) == 0 for b in bodies]
    corners = cv2.goodFeaturesToTrack(grey[0], _CORNERS, 0.01, 5, mask=free[0].astype(np.uint8))
    if corners is None:
        return
    limit = MOVED_PX * images.shape[1] / 240
    for t in range(1, len(grey)):
        there, found, _ = cv2.calcOpticalFlowPyrLK(grey[0], grey[t], corners, None)
        back, again, _ = cv2.calcOpticalFlowPyrLK(grey[t], grey[0], there, None)
        true = np.linalg.norm(back - corners, axis=-1)[:, 0] < 1.0
        true &= (found[:, 0] > 0) & (again[:, 0] > 0) & _outside(there[:, 0], free[t])
        if true.sum() < _FEWEST:
            continue
        moved = np.linalg.norm((there - corners)[true, 0], axis=-1)
        if (moved > limit).mean() > _SHARE:
            raise DataError(
                f"{source}: the camera moves: in frame {t} the background lies "
                f"{np.median(moved):.0f} px from where it was in the first; expected a camera that "
                "stands still (put it down, or cut the video there)"
            )


def _texture(image: UInt8) -> UInt8:
    """Grey without what exposure and shadows change."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 8.0)
    return np.asarray(np.clip(detail + 128, 0, 255), np.uint8)


def _outside(points: NDArray[np.float32], free: NDArray[np.bool_]) -> NDArray[np.bool_]:
    height, width = free.shape
    u, v = np.rint(points).astype(int).T
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    result = np.zeros(len(points), bool)
    result[inside] = free[v[inside], u[inside]]
    return result
