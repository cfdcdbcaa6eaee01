"""Somebody moves an object of the bread world while the arm is at work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import RobotState
from visuomotor.geometry import pose
from visuomotor.sim.tasks.bread_objects import (
    BOWL_FLOOR_M,
    BREAD_HALF_M,
    CONTAINER_M,
    KNOB_M,
    PLATE_M,
)
from visuomotor.sim.tasks.bread_state import (
    holds_bread,
    holds_lid,
    in_bowl,
    in_container,
    lid_on,
    on_plate,
    on_tray,
)
from visuomotor.sim.tasks.task import Poses

MOVED_M = (0.03, 0.04)
_WITHIN = {
    "bread": ((0.335, 0.425), (0.13, 0.27)),
    "bowl": ((0.42, 0.515), (-0.04, 0.04)),
    "container": ((0.37, 0.43), (-0.265, -0.175)),
    "plate": ((0.64, 0.68), (-0.11, -0.01)),
}
"""Where each may be moved to, x and y in m: there is room around it."""
_HEIGHT_M = {
    "bread": 2 * BREAD_HALF_M[2],
    "bowl": BOWL_FLOOR_M + 2 * BREAD_HALF_M[2],
    "container": CONTAINER_M[2] + 2 * KNOB_M,
    "plate": PLATE_M + 2 * BREAD_HALF_M[2],
}
_ABOVE_M = 0.04  # the hand over what is moved: fingertips and a bread in them are lower
_BESIDE_M = 0.16  # or the middle of the hand so far aside: a hand is 21 cm wide
_TRIES = 100


def moved_beside(rng: np.random.Generator, robot: RobotState, objects: Poses) -> Poses:
    """T_base_object of what lies elsewhere now, and of what lies in or on it; else nothing."""
    name = _next(robot, objects)
    if not name or not _clear(robot, objects, name):
        return {}
    (x_low, x_high), (y_low, y_high) = _WITHIN[name]
    for _ in range(_TRIES):
        angle, far = rng.uniform(-np.pi, np.pi), rng.uniform(*MOVED_M)
        by = far * np.array([np.cos(angle), np.sin(angle), 0.0])
        x, y, _ = objects[name][:3, 3] + by
        if x_low <= x <= x_high and y_low <= y <= y_high:
            return {n: _shifted(objects[n], by) for n in (name, *_passengers(objects, name))}
    return {}


def _next(robot: RobotState, objects: Poses) -> str:
    """What the hand goes to next; "" while it holds the lid, and once the bread is served."""
    bread, bowl = objects["bread"][:3, 3], objects["bowl"][:3, 3]
    if holds_lid(robot, objects) or on_plate(objects) or on_tray(objects):
        return ""
    if holds_bread(robot, objects):
        return "bowl" if bread[0] < bowl[0] + 0.03 else "plate"
    if in_bowl(objects):
        return "bowl"
    if in_container(objects):
        return "container"
    return "bread" if bread[2] < BREAD_HALF_M[0] + 0.005 else ""


def _passengers(objects: Poses, name: str) -> tuple[str, ...]:
    if name == "bowl" and in_bowl(objects):
        return ("bread",)
    if name == "container":
        return ("bread", "lid") if lid_on(objects) else ("bread",)
    return ()


def _clear(robot: RobotState, objects: Poses, name: str) -> bool:
    hand, at = robot.T_base_ee[:3, 3], objects[name][:3, 3]
    above = float(hand[2]) > _HEIGHT_M[name] + _ABOVE_M
    return above or bool(np.hypot(*(hand[:2] - at[:2])) > _BESIDE_M)


def _shifted(T: NDArray[np.float64], by_m: NDArray[np.float64]) -> NDArray[np.float64]:
    return pose(T[:3, :3], T[:3, 3] + by_m)
