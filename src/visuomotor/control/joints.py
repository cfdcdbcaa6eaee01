"""How near the joints are to their limits, and how much slower the hand goes for it."""

from __future__ import annotations

import numpy as np

from visuomotor.contracts import Float64

JOINT_LOWER = np.array([-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159])
JOINT_UPPER = np.array([2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159])
"""Position limits of the FR3 (7,) in rad, as Franka Robotics publishes them."""

AWAY_RAD_S = 0.01
"""A joint that leaves its limit at this speed is no reason to go slowly."""


def joint_margin(q: Float64) -> tuple[float, int]:
    """The smallest distance in rad of joints (7,) to a limit, negative beyond it, and whose it is.

    The joint is counted from 1, as on the arm.
    """
    margins = np.minimum(q - JOINT_LOWER, JOINT_UPPER - q)
    nearest = int(margins.argmin())
    return float(margins[nearest]), nearest + 1


def speed_share(q: Float64, dq: Float64, slow_rad: float, least: float) -> float:
    """The share of the allowed speed, from `least` at a limit to 1 at slow_rad from every one.

    q (7,) rad and dq (7,) rad/s as measured. A joint that moves away from its limit does not
    count: the arm may leave as fast as it likes. Joints that are not known (NaN) do not count.
    """
    to_lower, to_upper = q - JOINT_LOWER, JOINT_UPPER - q
    margin = np.minimum(to_lower, to_upper)
    away = np.where(to_lower < to_upper, dq, -dq)
    near = np.nan_to_num(margin, nan=np.inf)
    near = np.where(away > AWAY_RAD_S, np.inf, near)
    nearest = max(float(near.min()), 0.0)
    return min(1.0, max(least, nearest / slow_rad))
