"""Where the joints of an FR3 put its hand: forward kinematics, for many arms at once.

Modified Denavit-Hartenberg parameters as Franka Robotics publishes them, the Franka hand turned by
-45° on the flange, and fr3_hand_tcp between its fingertips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

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
_BOXES = (  # x, y and z from the hand's origin, m: the fingertips, its back, its middle, its front
    ((-0.0105, 0.0105), (-0.066, 0.066), (0.1123,)),
    ((-0.0316, 0.0316), _WIDE_M, (-0.0092, 0.0099)),
    ((-0.0225, 0.0225), _WIDE_M, (0.0143, 0.0271)),
    ((-0.0205, 0.0205), _WIDE_M, (0.0303, 0.066)),
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


def _corners() -> list[Float64]:
    """Points (P, 3) of each box in the hand: corners, and along y every 3 cm or less."""
    found = []
    for xs, ys, zs in _BOXES:
        along = np.linspace(*ys, 1 + int(np.ceil((ys[1] - ys[0]) / 0.03)))
        found.append(np.array(list(product(xs, along, zs))))
    return found


_TIPS = len(_corners()[0])
_CORNERS = np.concatenate(_corners())
_RADII = np.concatenate([np.zeros(len(_CORNERS)), [radius for _, _, radius in _BALLS]])


@dataclass(frozen=True)
class ArmState:
    """Of N arms: hand (N, 4, 4), fr3_hand_tcp in base; jacobian (N, 6, 7) of it, m and rad.
    flange (N, 3): the hand's origin; links: x, y, z and origin (N, 3) of joints' frames, by number.
    """

    hand: Float64
    jacobian: Float64
    flange: Float64
    links: Mapping[int, tuple[Float64, Float64, Float64, Float64]]

    @property
    def lowest_m(self) -> Float64:
        """The height (N,) in base of the lowest point of hand and wrist, fingers open."""
        points, radii = self.outline()
        lowest: Float64 = (points[..., 2] - radii).min(axis=1)
        return lowest

    def outline(self, fingers: bool = True) -> tuple[Float64, Float64]:
        """Balls at points (N, P, 3) in base, with radii (P,), m, that make up hand and wrist.

        fingers: with the tips of open fingers. Of an edge there is a point every 3 cm at least.
        """
        first = 0 if fingers else _TIPS
        corners = np.einsum("nij,pj->npi", self.hand[:, :3, :3], _CORNERS[first:])
        points = [self.flange[:, None] + corners]
        for number, centre, _ in _BALLS:
            x, y, z, at = self.links[number]
            points.append((at + centre[0] * x + centre[1] * y + centre[2] * z)[:, None])
        return np.concatenate(points, axis=1), _RADII[first:]


def lowest_of_hand(T_base_ee: Float64) -> Float64:
    """The height (...) in base, m, of the lowest point of hands (..., 4, 4), fingers open.

    Whatever the joints: no arm with its hand there is higher.
    """
    down = T_base_ee[..., 2, :3]
    flange: Float64 = T_base_ee[..., 2, 3] - _TCP_M * down[..., 2]
    lowest: Float64 = flange + (down @ _CORNERS.T).min(axis=-1)
    return lowest


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
    return ArmState(pose(np.stack([x, y, z], axis=2), tcp), jacobian, hand, frames)


def _turned(x: Float64, y: Float64, angle: Float64) -> tuple[Float64, Float64]:
    """The axes (N, 3) turned about their z by angles (N, 1)."""
    c, s = np.cos(angle), np.sin(angle)
    return c * x + s * y, c * y - s * x
