"""One image of the board with the arm's pose at that moment, and its geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from visuomotor.calibration.detection import Detection
from visuomotor.contracts import Float64, UInt16
from visuomotor.geometry import PinholeCamera, inverse

BoardOn = Literal["hand", "table"]
_HALF_PX = 2
_LEAST_VALID = 0.5


@dataclass(frozen=True)
class View:
    """What one camera saw of the board while the arm stood at T_base_ee (4, 4).

    depth_m: (N,) measured at the corners, NaN where nothing was; None for a camera without depth.
    """

    name: str
    T_base_ee: Float64
    camera: PinholeCamera
    detection: Detection
    depth_m: Float64 | None = None

    def T_mount_parent(self, board_on: BoardOn) -> Float64:
        """The pose (4, 4) of the board's parent in the camera's parent.

        A board on the hand is seen by standing cameras, one on the table by a camera on the hand.
        """
        return self.T_base_ee if board_on == "hand" else inverse(self.T_base_ee)


def depth_at(depth_mm: UInt16, pixels: Float64) -> Float64:
    """Depth (N,) in m at pixels (N, 2): the median nearby, NaN where most of it is missing."""
    rows, columns = depth_mm.shape
    found = np.full(len(pixels), np.nan)
    for i, (u, v) in enumerate(np.rint(pixels).astype(int)):
        patch = depth_mm[
            max(v - _HALF_PX, 0) : min(v + _HALF_PX + 1, rows),
            max(u - _HALF_PX, 0) : min(u + _HALF_PX + 1, columns),
        ]
        valid = patch[patch > 0]
        if valid.size and valid.size >= _LEAST_VALID * patch.size:
            found[i] = 1e-3 * float(np.median(valid))
    return found
