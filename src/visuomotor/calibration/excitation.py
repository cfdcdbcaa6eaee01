"""Whether the arm's poses can tell the unknown poses at all: how, and about what, it turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visuomotor.calibration.hand_eye import mean_pose
from visuomotor.contracts import Float64
from visuomotor.errors import CalibrationError
from visuomotor.geometry import rotvec_from_matrix

MIN_VIEWS = 6
FEW_VIEWS = 10
DEGENERATE_DEG = 4.0
WEAK_DEG = 10.0


@dataclass(frozen=True)
class Excitation:
    """How the arm turned between the views of one camera.

    views: their number. turns_deg: root mean square angles about the three principal axes of
    turning, largest first. Two of them must be large: turns about one axis leave the camera's
    place along that axis open.
    """

    views: int
    turns_deg: tuple[float, float, float]

    def check(self, camera: str) -> str | None:
        """A warning, None if all is well; CalibrationError where nothing can be solved."""
        if self.views < MIN_VIEWS:
            raise CalibrationError(
                f"camera {camera}: got {self.views} usable views of the board, expected at least "
                f"{MIN_VIEWS}, better 15; move the arm to more poses that show it the board"
            )
        first, second, _ = self.turns_deg
        if second < DEGENERATE_DEG:
            raise CalibrationError(
                f"camera {camera}: the hand turned by {first:.1f} degrees about one axis and "
                f"{second:.1f} about a second (rms), expected {WEAK_DEG:g} about both; tilt the "
                "hand to all sides, 20 to 40 degrees"
            )
        if second < WEAK_DEG or self.views < FEW_VIEWS:
            return (
                f"camera {camera}: {self.views} views, turned {first:.0f} and {second:.0f} degrees "
                f"(rms) about two axes; {FEW_VIEWS} views and {WEAK_DEG:g} degrees make it surer"
            )
        return None


def excitation(moves: Sequence[Float64]) -> Excitation:
    """Of the arm's poses (4, 4) in the views of one camera."""
    if len(moves) < 2:
        return Excitation(len(moves), (0.0, 0.0, 0.0))
    middle = mean_pose(moves)[:3, :3]
    turns = np.stack([rotvec_from_matrix(middle.T @ m[:3, :3]) for m in moves])
    values = np.linalg.svd(turns, compute_uv=False) / np.sqrt(len(moves))
    degrees = np.zeros(3)
    degrees[: len(values)] = np.rad2deg(values)
    first, second, third = degrees.tolist()
    return Excitation(len(moves), (first, second, third))
