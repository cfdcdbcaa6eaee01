"""Whether a motion is the action that it should be: the nine actions' success metrics.

Petrik, Tapaswi, Laptev and Sivic 2020: Learning Object Manipulation Skills via Approximate State
Estimation from Real Videos, appendix B; thresholds as in the code published with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import DataError, unknown_name

Float64 = NDArray[np.float64]

MOVED_M, MOVING_M_S, UPRIGHT = 0.05, 1e-3, 0.5
AZIMUTH_RAD, ELEVATION_RAD, SHARE = np.pi / 2, np.deg2rad(80.0), 0.75
LIFTED_M = 0.01
BEARING_RAD, LOW_M, NEAR_M, STATIC_M, SUNK_M = np.pi / 3, 0.05, 0.5, 0.01, 1e-3


@dataclass(frozen=True)
class Trajectory:
    """T steps of a motion, observed or simulated, z up and the table at z = 0, camera along +y.

    The origin lies below the place where the first object stands before the action (the static one
    where there are two). moved (T, 3) m, the centre of the object that is moved; rotation
    (T, 3, 3), its own, the identity upright; azimuth, elevation (T,) rad of where the hand points:
    along (cos e cos a, cos e sin a, -sin e). height, radius of the moved object, m. static (T, 3)
    m, the centre of the other object, or None without one; static_height, static_radius, m. Raises
    DataError for other shapes, no steps, or values that are not finite.
    """

    moved: Float64
    rotation: Float64
    azimuth: Float64
    elevation: Float64
    height: float
    radius: float
    static: Float64 | None = None
    static_height: float = 0.0
    static_radius: float = 0.0
    rate_hz: float = 12.0

    def __post_init__(self) -> None:
        steps = len(self.moved)
        expected = {
            "moved": (steps, 3),
            "rotation": (steps, 3, 3),
            "azimuth": (steps,),
            "elevation": (steps,),
            **({} if self.static is None else {"static": (steps, 3)}),
        }
        for name, shape in expected.items():
            got = np.shape(getattr(self, name))
            if got != shape or steps == 0:
                raise DataError(
                    f"trajectory: got {name} {got}, expected {shape} with 1 step or more"
                )
            if not np.isfinite(getattr(self, name)).all():
                raise DataError(f"trajectory: {name} is not finite in every step")


def satisfied(action: str, trajectory: Trajectory, signed_azimuth: bool = False) -> bool:
    """Whether the trajectory is this action, a name of METRICS.

    An action with a static object is not satisfied by a trajectory without one. signed_azimuth: as
    the published code has it, whose signed difference lets 270° of the hand's azimuths pass in
    pushes and pulls where the text means 180°. Raises DataError for another action.
    """
    if action not in METRICS:
        raise DataError(unknown_name("action", action, METRICS))
    return METRICS[action](trajectory, signed_azimuth)


def satisfied_actions(trajectory: Trajectory, signed_azimuth: bool = False) -> dict[str, bool]:
    """Every action's metric of the same trajectory: shows what a label alone would have forced."""
    return {action: satisfied(action, trajectory, signed_azimuth) for action in METRICS}


def _along_table(
    t: Trajectory, signed_azimuth: bool, *, direction: float, pointing_rad: float
) -> bool:
    x = t.moved[:, 0]
    moving = np.abs(np.diff(x, append=x[-1])) * t.rate_hz > MOVING_M_S
    if not moving.any():
        return False
    difference = _wrapped(t.azimuth[moving] - pointing_rad)
    turned = difference if signed_azimuth else np.abs(difference)
    pointed = (turned < AZIMUTH_RAD).mean() > SHARE
    level = (np.abs(t.elevation[moving]) < ELEVATION_RAD).all()
    upright = t.rotation[-1, 2, 2] > UPRIGHT
    return bool(direction * x[-1] > MOVED_M and upright and pointed and level)


def _picked_up(t: Trajectory, _: bool) -> bool:
    return bool(t.moved[-1, 2] - t.height / 2 > LIFTED_M)


def _put_beside(t: Trajectory, _: bool, *, bearings_rad: tuple[float, ...]) -> bool:
    if t.static is None or not _stayed(t.static):
        return False
    x, y = t.moved[-1, :2] - t.static[0, :2]
    turned = np.abs(_wrapped(np.arctan2(y, x) - np.array(bearings_rad)))
    near, low = np.hypot(x, y) < NEAR_M, t.moved[-1, 2] < LOW_M
    return bool((turned < BEARING_RAD).any() and near and low)


def _put_onto(t: Trajectory, _: bool) -> bool:
    if t.static is None or not _stayed(t.static):
        return False
    off = np.linalg.norm(t.moved[-1, :2] - t.static[0, :2])
    bottom = t.moved[-1, 2] - t.height / 2
    return bool(off < t.static_radius and bottom > t.static_height - SUNK_M)


def _stayed(static: Float64) -> bool:
    return bool(np.linalg.norm(static[-1, :2] - static[0, :2]) < STATIC_M)


def _wrapped(angle: Float64) -> Float64:
    """The same angles in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


METRICS: dict[str, Callable[[Trajectory, bool], bool]] = {
    "pull_left_to_right": partial(_along_table, direction=1.0, pointing_rad=np.pi),
    "pull_right_to_left": partial(_along_table, direction=-1.0, pointing_rad=0.0),
    "push_left_to_right": partial(_along_table, direction=1.0, pointing_rad=0.0),
    "push_right_to_left": partial(_along_table, direction=-1.0, pointing_rad=np.pi),
    "pick_up": _picked_up,
    "put_behind": partial(_put_beside, bearings_rad=(np.pi / 2,)),
    "put_in_front_of": partial(_put_beside, bearings_rad=(-np.pi / 2,)),
    "put_next_to": partial(_put_beside, bearings_rad=(0.0, np.pi)),
    "put_onto": _put_onto,
}
