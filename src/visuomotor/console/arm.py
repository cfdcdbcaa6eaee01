"""Where the FR3's links are, by its joints: for drawing, with the model's meshes or without."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import Float64
from visuomotor.geometry import matrix_from_rotvec, pose

_QUARTER = np.pi / 2
JOINT_ORIGINS: tuple[tuple[tuple[float, float, float], float], ...] = (
    ((0.0, 0.0, 0.333), 0.0),
    ((0.0, 0.0, 0.0), -_QUARTER),
    ((0.0, -0.316, 0.0), _QUARTER),
    ((0.0825, 0.0, 0.0), _QUARTER),
    ((-0.0825, 0.384, 0.0), -_QUARTER),
    ((0.0, 0.0, 0.0), _QUARTER),
    ((0.088, 0.0, 0.0), _QUARTER),
)
"""Of each joint in the link before it: position in m, turn about x in rad; it turns about z."""

LINKS = (*(f"link{i}" for i in range(8)), "hand", "left_finger", "right_finger")
_FLANGE_M, _FINGERS_M = 0.107, 0.0584


def link_poses(q: ArrayLike, gripper_width_m: float = 0.0) -> Float64:
    """T_base_link (11, 4, 4) of LINKS, for joints (7,) in rad and the gripper's full width."""
    T = np.eye(4)
    poses = [T]
    for angle, (position, about_x) in zip(np.asarray(q, float), JOINT_ORIGINS, strict=True):
        turn = matrix_from_rotvec([about_x, 0, 0]) @ matrix_from_rotvec([0, 0, angle])
        T = T @ pose(turn, position)
        poses.append(T)
    hand = T @ pose(matrix_from_rotvec([0, 0, -_QUARTER / 2]), [0, 0, _FLANGE_M])
    for turn_rad in (0.0, np.pi):
        side = pose(matrix_from_rotvec([0, 0, turn_rad])) @ pose(
            position=[0, gripper_width_m / 2, _FINGERS_M]
        )
        poses.append(hand @ side)
    return np.stack([*poses[:8], hand, *poses[8:]])
