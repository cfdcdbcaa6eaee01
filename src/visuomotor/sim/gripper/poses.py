"""Where a hand points, and how a cylinder lies in it."""

from __future__ import annotations

import numpy as np

from visuomotor.geometry import matrix_from_rotvec
from visuomotor.geometry.pointing import hand_angles, hand_rotation

__all__ = ["ALONG_X", "hand_angles", "hand_rotation"]

ALONG_X = matrix_from_rotvec([0.0, np.pi / 2, 0.0])
"""Of a cylinder in the hand: its axis is the hand's x, across fingers and palm."""
