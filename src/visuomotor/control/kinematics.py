"""Where the joints of an FR3 put its hand: forward kinematics, for many arms at once.

Modified Denavit-Hartenberg parameters as Franka Robotics publishes them, the Franka hand turned by
-45° on the flange, and fr3_hand_tcp between its fingertips.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import pose

HOME_Q = np.array([0.0, -0.1513, 0.0, -2.5038, 0.0, 2.3525, 0.7854])
"""Joints (7,) in rad at which the hand points straight down in the middle of the table."""

_D_M = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
_A_M = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
_ALPHA = (0, -1, 1, 1, -1, 1, 1)  # quarter turns
_FLANGE_M, _TCP_M, _HAND_RAD = 0.107, 0.1034, -np.pi / 4

_WIDE_M = (-0.104, 0.1004)
_BOXES = (  # x, y and z from the hand's origin, m: its back, its middle, its front, the fingertips
    ((-0.0316, 0.0316), _WIDE_M, (-0.0092, 0.0099)),
    ((-0.0225, 0.0225), _WIDE_M, (0.0143, 0.0271)),
    ((-0.0205, 0.0205), _WIDE_M, (0.0303, 0.066)),
    ((-0.0105, 0.0105), (-0.066, 0.066), (0.1123,)),
)
_BALLS = (  # frame 5 to 7, centre and radius, m: the links' outlines
    (7, (0.0, 0.0, 0.078), 0.050),
    (7, (0.052, 0.052, 0.078), 0.034),
    (6, (0.0, 0.0, 0.0), 0.055),
    (6, (0.078, 0.0, 0.0), 0.056),
    (6, (0.070, 0.030, 0.0), 0.056),
    (5, (0.0, 0.0, 0.0), 0.055),
    (5, (0.0, 0.075, -0.01), 0.060),
)


@dataclass(frozen=True)
class ArmState:
    """Of N arms: hand (N, 4, 4), fr3_hand_tcp in base; jacobian (N, 6, 7) of it, m and rad;
    lowest_m (N,): the height in base of the lowest point of hand and wrist, fingers open.
    """

    hand: Float64
    jacobian: Float64
    lowest_m: Float64


def arm_state(q: Float64) -> ArmState:
    """What joints (N, 7) in rad make of N arms."""
    n = len(q)
    x, y, z = (np.tile(axis, (n, 1)) for axis in np.eye(3))
    origin = np.zeros((n, 3))
    axes, origins, frames = [], [], {}
    for i in range(7):
        origin = origin + _A_M[i] * x
        if _ALPHA[i]:
            y, z = _ALPHA[i] * z, -_ALPHA[i] * y
        x, y = _turned(x, y, q[:, i : i + 1])
        origin = origin + _D_M[i] * z
        axes.append(z)
        origins.append(origin)
        frames[i + 1] = (x, y, z, origin)
    x, y = _turned(x, y, np.full((n, 1), _HAND_RAD))
    hand = origin + _FLANGE_M * z
    tcp = hand + _TCP_M * z
    axis = np.stack(axes, axis=2)  # (N, 3, 7)
    arms = tcp[:, :, None] - np.stack(origins, axis=2)
    jacobian = np.concatenate([np.cross(axis, arms, axis=1), axis], axis=1)
    lowest = np.min([_lowest(x, y, z, hand, box) for box in _BOXES], axis=0)
    for frame, centre, radius in _BALLS:
        fx, fy, fz, at = frames[frame]
        height = at[:, 2] + centre[0] * fx[:, 2] + centre[1] * fy[:, 2] + centre[2] * fz[:, 2]
        lowest = np.minimum(lowest, height - radius)
    return ArmState(pose(np.stack([x, y, z], axis=2), tcp), jacobian, lowest)


def _turned(x: Float64, y: Float64, angle: Float64) -> tuple[Float64, Float64]:
    """The axes (N, 3) turned about their z by angles (N, 1)."""
    c, s = np.cos(angle), np.sin(angle)
    return c * x + s * y, c * y - s * x


def _lowest(
    x: Float64, y: Float64, z: Float64, at: Float64, box: tuple[tuple[float, ...], ...]
) -> Float64:
    """The height (N,) of the lowest corner of a box, its sides given along x, y and z."""
    height = at[:, 2]
    for axis, sides in zip((x, y, z), box, strict=True):
        height = height + np.min([side * axis[:, 2] for side in sides], axis=0)
    return height
