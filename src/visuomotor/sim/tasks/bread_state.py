"""What the true state of the bread world says: where the bread is, and what the hand holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import RobotState
from visuomotor.sim.tasks.bread_objects import (
    BOWL_FLOOR_M,
    BREAD_HALF_M,
    CONTAINER_FLOOR_M,
    CONTAINER_M,
    KNOB_HALF_M,
    KNOB_M,
    PLATE_M,
)
from visuomotor.sim.tasks.oven import LIP_M, LIP_TOP_M, TRAY_HALF_M
from visuomotor.sim.tasks.task import Poses

_OPENER_M = 0.004
"""Fingers this much wider apart than what is between them have let it go."""


def half_extent(T: NDArray[np.float64], axis: int) -> float:
    """Half the bread's size (m) along the base axis that one of its own is nearest to."""
    return BREAD_HALF_M[int(np.abs(T[axis, :3]).argmax())]


def resting_on(objects: Poses, name: str, floor_m: float, half_m: tuple[float, float]) -> bool:
    """Whether the bread rests on an object's floor, its middle this near that one's origin."""
    bread, T = objects["bread"], objects[name]
    local = T[:3, :3].T @ (bread[:3, 3] - T[:3, 3])
    above = float(local[2]) - floor_m - half_extent(bread, 2)
    aside = np.abs(local[:2])
    return bool(abs(above) < 0.008 and aside[0] < half_m[0] and aside[1] < half_m[1])


def in_bowl(objects: Poses) -> bool:
    """Whether the bread lies in the bowl, be it a little on its wall."""
    bread, bowl = objects["bread"][:3, 3], objects["bowl"][:3, 3]
    height = float(bread[2] - bowl[2]) - BOWL_FLOOR_M
    return bool(np.hypot(*(bread[:2] - bowl[:2])) < 0.045 and height < BREAD_HALF_M[0] + 0.012)


def on_plate(objects: Poses) -> bool:
    """Whether the bread rests on the plate."""
    return resting_on(objects, "plate", PLATE_M / 2, (0.035, 0.035))


def on_tray(objects: Poses) -> bool:
    """Whether the bread rests on the oven's tray."""
    half = (TRAY_HALF_M[0] - 0.022, TRAY_HALF_M[1] - 0.018)
    return resting_on(objects, "tray", 0.0, half)


def in_container(objects: Poses) -> bool:
    """Whether the bread lies in the container."""
    half = (CONTAINER_M[0] - 0.005, CONTAINER_M[1] - 0.015)
    return resting_on(objects, "container", CONTAINER_FLOOR_M, half)


def lid_on(objects: Poses) -> bool:
    """Whether the lid covers the container, however askew."""
    apart = np.abs(objects["lid"][:3, 3] - objects["container"][:3, 3])
    return bool(apart[0] < 0.07 and apart[1] < 0.12 and apart[2] > 0.5 * CONTAINER_M[2])


def tray_in(objects: Poses) -> bool:
    """Whether the tray is pushed in."""
    return bool(objects["oven"][0, 3] - objects["tray"][0, 3] < 0.008)


def holds_bread(robot: RobotState, objects: Poses) -> bool:
    """Whether the fingers are closed on the bread, rather than open around it."""
    bread = objects["bread"]
    apart = np.abs(robot.T_base_ee[:3, 3] - bread[:3, 3])
    near = apart[0] < 0.028 and apart[1] < 0.012 and apart[2] < half_extent(bread, 2) + 0.004
    width = 2 * half_extent(bread, 1)
    return bool(near and width - 0.012 < robot.gripper_width_m < width + _OPENER_M)


def holds_lid(robot: RobotState, objects: Poses) -> bool:
    """Whether the fingers are closed on the lid's knob."""
    T = objects["lid"]
    apart = T[:3, :3].T @ (robot.T_base_ee[:3, 3] - T[:3, 3]) - (0.0, 0.0, KNOB_M)
    near = np.abs(apart[0]) < 0.018 and np.abs(apart[1]) < 0.010 and np.abs(apart[2]) < 0.016
    width = 2 * KNOB_HALF_M[1]
    return bool(near and width - 0.010 < robot.gripper_width_m < width + _OPENER_M)


def hand_away(robot: RobotState, objects: Poses) -> bool:
    """Whether the hand has let go of the bread, and of the tray, and left them."""
    hand = robot.T_base_ee[:3, 3]
    from_lip = float(objects["tray"][0, 3] - LIP_M - hand[0])
    off_tray = from_lip > 0.025 or hand[2] > LIP_TOP_M + 0.05
    return bool(np.linalg.norm(hand - objects["bread"][:3, 3]) > 0.06 and off_tray)
