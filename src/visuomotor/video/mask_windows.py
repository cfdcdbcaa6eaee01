"""A body's masks, cut to where the body is: the rest of the image says nothing more of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MARGIN_OF_WIDTH = 0.15
"""Of the image's width, around a mask: farther off an outline's blur has ended."""


@dataclass(frozen=True)
class MaskWindows:
    """The F frames that have a mask, P points each in a window around it.

    frames (F,); grid (F, P, 2) px; inside (F, P) 1 in the body, 0 beside it.
    """

    frames: Tensor
    grid: Tensor
    inside: Tensor

    def error(self, drawn: Tensor) -> Tensor:
        """(R,): squared error of drawings (R, F, P), inside and beside, over the area of the body.

        Points beyond the windows count as drawn without error.
        """
        square = (drawn - self.inside).square()
        area = self.inside.sum(-1).clamp_min(1.0)
        found: Tensor = 0.5 * (square.sum(-1) / area).mean(-1)
        return found


def mask_windows(masks: NDArray[np.bool_], size: tuple[int, int]) -> MaskWindows | None:
    """Masks (T, H, W) of one body in an image of size (width, height) px; None where all are empty.

    All windows are as large as the largest, and within the image.
    """
    frames = np.flatnonzero(masks.any(axis=(1, 2)))
    if not len(frames):
        return None
    kept = masks[frames]
    ends = []
    for axis, other in ((1, 2), (2, 1)):  # rows, columns
        count = masks.shape[axis]
        margin = int(np.ceil(MARGIN_OF_WIDTH * size[0] * count / size[2 - axis]))
        seen: NDArray[np.bool_] = np.any(kept, axis=other)
        first, last = seen.argmax(1), count - seen[:, ::-1].argmax(1)
        length = min(int((last - first).max()) + 2 * margin, count)
        middle = (first + last - length) // 2
        ends.append((np.clip(middle, 0, count - length), length))
    (row, height), (column, width) = ends
    rows = row[:, None] + np.arange(height)  # (F, h)
    columns = column[:, None] + np.arange(width)
    inside = kept[np.arange(len(frames))[:, None, None], rows[:, :, None], columns[:, None]]
    y = (rows + 0.5) * size[1] / masks.shape[1]
    x = (columns + 0.5) * size[0] / masks.shape[2]
    shape = inside.shape
    points = np.stack(
        (np.broadcast_to(x[:, None], shape), np.broadcast_to(y[:, :, None], shape)), -1
    )
    return MaskWindows(
        torch.tensor(frames),
        torch.tensor(points.reshape(len(frames), -1, 2), dtype=torch.float32),
        torch.tensor(inside.reshape(len(frames), -1), dtype=torch.float32),
    )
