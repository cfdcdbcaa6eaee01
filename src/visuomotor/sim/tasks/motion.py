"""What the scripted experts share: targets that lead the hand, at a steady speed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visuomotor.geometry import matrix_from_rotvec, pose, rotvec_from_matrix

POINTING_DOWN = np.diag([1.0, -1.0, -1.0])


def toward(
    T_base_ee: NDArray[np.float64],
    goal_m: ArrayLike,
    lead_m: float,
    R_goal: NDArray[np.float64] = POINTING_DOWN,
    lead_rad: float = 0.1,
) -> NDArray[np.float64]:
    """The target (4, 4): from the hand's pose towards the goal, at most this far ahead of it."""
    hand, R = T_base_ee[:3, 3], T_base_ee[:3, :3]
    turn = shortened(rotvec_from_matrix(R_goal @ R.T), lead_rad)
    return pose(matrix_from_rotvec(turn) @ R, hand + shortened(np.subtract(goal_m, hand), lead_m))


def shortened(vector: ArrayLike, longest: float) -> NDArray[np.float64]:
    """The vector, no longer than that."""
    v = np.asarray(vector, float)
    result: NDArray[np.float64] = v * min(1.0, longest / max(float(np.linalg.norm(v)), 1e-9))
    return result


def yaw_of(T: NDArray[np.float64]) -> float:
    """The heading of a pose's x axis in the table's plane, rad."""
    return float(np.arctan2(T[1, 0], T[0, 0]))


def wrapped(angle_rad: float) -> float:
    """The angle within -pi and pi."""
    return float(np.arctan2(np.sin(angle_rad), np.cos(angle_rad)))


def down_with_yaw(yaw_rad: float) -> NDArray[np.float64]:
    """(3, 3) the hand pointing down, turned by yaw about the vertical."""
    R: NDArray[np.float64] = matrix_from_rotvec([0.0, 0.0, yaw_rad]) @ POINTING_DOWN
    return R


def funnel(
    hand_m: NDArray[np.float64], place_m: NDArray[np.float64], within_m: float = 0.012
) -> tuple[NDArray[np.float64], bool]:
    """Where to go (3,) to come down on a place (3,) from above, and whether the hand is there."""
    aside = float(np.linalg.norm(hand_m[:2] - place_m[:2]))
    height = float(np.clip(4.0 * (aside - 0.008), 0.0, 0.10))
    there = aside < within_m and float(hand_m[2] - place_m[2]) < within_m
    return np.array([*place_m[:2], place_m[2] + height]), there
