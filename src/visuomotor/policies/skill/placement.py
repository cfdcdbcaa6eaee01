"""From a manipulation's frame to the arm's base and back: place, size, and the hand's frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Float64
from visuomotor.geometry import inverse, matrix_from_rotvec, pose
from visuomotor.geometry.pointing import hand_angles, level

OPENING_M = 0.075
"""Of each of the skill's fingers from the middle, at most (sim.gripper's)."""
RADIUS_M = 0.05
"""Of the widest objects that skills practise with."""
STEEP_RAD = np.deg2rad(75.0)
"""A hand that points down so much is not pitched."""
_FLIP = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Placement:
    """Where and how large a manipulation is: T_base_manipulation (4, 4), and scale.

    The skill's hand and fr3_hand_tcp both point along z and close along y, and both frames lie
    between the fingers' pads. A parallel gripper is the same turned half about z: `flipped` says
    which of the two the arm takes. The arm's hand points down more than the skill's, about the same
    point: by pitch_rad where the skill's is level, by less the steeper it is, by none from
    STEEP_RAD on. At half size the palm is 4.2 cm behind the point; the Franka hand's is 3.7. Its
    fingertips are 0.9 cm before it instead of 1.9.
    """

    T_base_manipulation: Float64
    scale: float
    flipped: bool = False
    pitch_rad: float = 0.0

    def ee(self, position: Float64, rotation: Float64) -> Float64:
        """T_base_ee (..., 4, 4) of hands at position (..., 3) m and rotation (..., 3, 3), level."""
        T = self.T_base_manipulation
        rotation = level(rotation)
        _, elevation = hand_angles(rotation)
        rotation = _turned_down(rotation, self._pitch(elevation))
        turned = rotation @ _FLIP if self.flipped else rotation
        place = (self.scale * position) @ T[:3, :3].T + T[:3, 3]
        return pose(T[:3, :3] @ turned, place)

    def hand(self, T_base_ee: Float64) -> tuple[Float64, Float64]:
        """The inverse of `ee` of level hands: position (..., 3) and rotation (..., 3, 3)."""
        T = inverse(self.T_base_manipulation)
        rotation = T[:3, :3] @ T_base_ee[..., :3, :3]
        place = T_base_ee[..., :3, 3] @ T[:3, :3].T + T[:3, 3]
        rotation = rotation @ _FLIP if self.flipped else rotation
        _, pitched = hand_angles(rotation)
        elevation = (pitched - self.pitch_rad) / (1.0 - self.pitch_rad / STEEP_RAD)
        return place / self.scale, _turned_down(rotation, -self._pitch(elevation))

    def _pitch(self, elevation: Float64) -> Float64:
        """By how much a hand (...,) of the skill's elevation points down more."""
        pitch: Float64 = self.pitch_rad * np.maximum(0.0, 1.0 - elevation / STEEP_RAD)
        return pitch

    def width(self, opening: float) -> float:
        """The full width in m that an opening of each finger is here."""
        return float(np.clip(2 * self.scale * opening, 0.0, MAX_GRIPPER_WIDTH_M))

    def opening(self, width_m: float) -> float:
        """The inverse of `width`, no wider than the skill knows."""
        return float(np.clip(width_m / (2 * self.scale), 0.0, OPENING_M))


def _turned_down(rotation: Float64, pitch: Float64) -> Float64:
    return rotation @ matrix_from_rotvec(pitch[..., None] * np.array([0.0, 1.0, 0.0]))


def placed(
    x: float,
    y: float,
    z: float,
    yaw_rad: float,
    scale: float,
    flipped: bool,
    pitch_rad: float = 0.0,
) -> Placement:
    """The frame over a place of the table in base, turned about the vertical."""
    T = pose(matrix_from_rotvec([0.0, 0.0, yaw_rad]), (x, y, z))
    return Placement(T, scale, flipped, pitch_rad)
