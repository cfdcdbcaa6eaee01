"""When a hand moves and when it grasps: one rule for every way to talk to it."""

from __future__ import annotations

from dataclasses import dataclass

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M
from visuomotor.control.backends.gripper_config import GripperConfig


@dataclass(frozen=True)
class GripperMotion:
    """A move to a width in m at a speed in m/s; with a force in N it is a grasp.

    A grasp succeeds when what is held is at most epsilon_m wider than width_m.
    """

    width_m: float
    speed: float
    force_n: float | None = None
    epsilon_m: float = 0.0


def motion_to(width_m: float, present_m: float, config: GripperConfig) -> GripperMotion:
    """The motion for a wished full width, from the present one (NaN: not known yet), in m.

    A narrow width that closes the hand is a grasp to width 0 with a wide epsilon: the hand
    presses until something is between the fingers. All else is a move, which never presses.
    """
    width_m = min(max(width_m, 0.0), MAX_GRIPPER_WIDTH_M)
    if width_m <= config.grasp_below_m and not width_m >= present_m:
        return GripperMotion(
            0.0, config.gripper_speed, config.gripper_force_n, config.grasp_epsilon_m
        )
    return GripperMotion(width_m, config.gripper_speed)
