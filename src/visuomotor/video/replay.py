"""Whether a demonstration can be: a gripper is led along it in MuJoCo, with the object free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.errors import ConfigError, DataError
from visuomotor.geometry import matrix_from_rotvec, rotvec_from_matrix
from visuomotor.sim.gripper import (
    CONTROL_HZ,
    OPENING_M,
    GripperState,
    GripperWorlds,
    Starts,
    hand_rotation,
)
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import ACT, LEAVE, Demonstration
from visuomotor.video.grasp import grasping_path
from visuomotor.video.metrics import Trajectory, satisfied

SPEED_M_S, TURN_RAD_S = 0.3, np.pi
"""What GripperWorlds moves its hand by at most, along each axis."""


@dataclass(frozen=True)
class ReplaySettings:
    """The world of a replay; what a demonstration does not tell is as in the paper's worlds.

    radius_m: of the cylinders that stand for the objects. height_m: of the moved one where the
    demonstration never shows it on the table, and of a static one on which nothing is put.
    heights_m: bounds of the moved one's. pause_s: for closing before the action, and for opening
    after it. seed: of the table's friction.
    """

    radius_m: float = 0.045
    height_m: float = 0.07
    heights_m: tuple[float, float] = (0.04, 0.10)
    pause_s: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.radius_m < OPENING_M:
            raise ConfigError(
                f"ReplaySettings: radius_m is {self.radius_m}, expected more than 0 and less than "
                f"{OPENING_M}, what the gripper opens"
            )
        if not 0 < self.heights_m[0] <= self.height_m <= self.heights_m[1] or self.pause_s < 0:
            raise ConfigError(
                f"ReplaySettings: height_m is {self.height_m}, heights_m {self.heights_m}, pause_s "
                f"{self.pause_s}; expected a height within the bounds and a pause >= 0"
            )


@dataclass(frozen=True)
class Replay:
    """What physics made of a demonstration's action and leave, S steps at 12 Hz.

    shown, moved (S, 3) m: the object's path as demonstrated and as simulated; hand (S, 3) m: the
    simulated hand's point, hand_off_m (S,): how far it is from where it was led. below_table: the
    share of steps in which the gripper, which reaches 4 cm beyond its point, was partly below the
    table, where nothing stops it. as_shown, as_replayed: whether the action's metric is satisfied
    by the demonstration's path, and by the simulated one.
    """

    action: str
    shown: Float64
    moved: Float64
    hand: Float64
    hand_off_m: Float64
    below_table: float
    as_shown: bool
    as_replayed: bool

    @property
    def off_m(self) -> Float64:
        """(S,): how far the object is from where the demonstration has it."""
        found: Float64 = np.linalg.norm(self.moved - self.shown, axis=1)
        return found

    def figures(self) -> dict[str, float | bool | str]:
        """Plain numbers: distances in m over the whole path and at its end."""
        return {
            "action": self.action,
            "object_mean_m": float(self.off_m.mean()),
            "object_final_m": float(self.off_m[-1]),
            "hand_mean_m": float(self.hand_off_m.mean()),
            "gripper_below_table": self.below_table,
            "satisfied_as_shown": self.as_shown,
            "satisfied_in_replay": self.as_replayed,
        }


def replay(
    demonstration: Demonstration,
    settings: ReplaySettings | None = None,
    look: Callable[[GripperState], None] = lambda _: None,
) -> Replay:
    """Leads the gripper world's hand along a demonstration, with its objects free.

    It begins where the action does. There the hand's point is put into the middle of the object,
    and its path is shifted by as much as long as it touches: an estimated hand may hold an object
    anywhere within, a gripper holds it between its fingers. An object of the actions with two
    begins between them, upright as demonstrated. Where an object is higher than the world's may be,
    heights count from where it rests. look: shown the state before the first step and after each.
    Raises DataError for a demonstration at another rate, or without an action.
    """
    d, chosen, kind = demonstration, settings or ReplaySettings(), find_action(demonstration.action)
    if abs(d.rate_hz - CONTROL_HZ) > 1e-6:
        raise DataError(
            f"demonstration of {d.action}: got {d.rate_hz:g} Hz, expected {CONTROL_HZ} Hz"
        )
    if not (d.phase == ACT).any():
        raise DataError(f"demonstration of {d.action}: no step is of the action")
    first = int(np.flatnonzero(d.phase == ACT)[0])
    pause = round(chosen.pause_s * CONTROL_HZ)
    index, touch = _steps(d, pause)
    heights, rest = _heights(d, chosen)
    lower = np.array([0.0, 0.0, rest])
    d = replace(
        d, object_position=d.object_position - lower, hand_position=grasping_path(d) - lower
    )
    hand = d.hand_position[index]
    turned = hand_rotation(d.hand_azimuth[index], d.hand_elevation[index])
    objects = 2 if kind.static else 1
    worlds = GripperWorlds(1, objects, "free", threads=0)
    try:
        worlds.reset(
            _start(d, first, heights, chosen),
            np.random.default_rng(chosen.seed),
            held=_upright(d, first, turned[0])[None] if kind.static else None,
        )
        states = [worlds.state()]
        look(states[0])
        for t in range(1, len(index)):
            opening = 0.0 if touch[t] else OPENING_M
            states.append(worlds.step(_towards(states[-1], hand[t], turned[t], opening)[None]))
            look(states[-1])
    finally:
        worlds.close()
    kept = np.flatnonzero(np.diff(index, prepend=index[0] - 1) > 0)
    kept[0] = pause  # the action begins when the fingers have closed
    return _result(d, [states[t] for t in kept], index[kept], hand[kept], heights, chosen)


def _steps(d: Demonstration, pause: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The demonstration's step at each of the replay's, with pauses, and whether it grasps."""
    acting = np.flatnonzero(d.phase == ACT)
    leaving = np.flatnonzero(d.phase == LEAVE)
    kept = find_action(d.action).kept
    wait = np.full(pause, acting[0])
    rest = np.full(0 if kept else pause, acting[-1])
    index = np.concatenate([wait, acting, rest, leaving]).astype(np.int64)
    grasped = pause + len(acting)
    return index, (np.arange(len(index)) < grasped) | kept


def _heights(d: Demonstration, chosen: ReplaySettings) -> tuple[Float64, float]:
    """Heights (2,) m of the static (or only) object and of the one in the hand.

    And by how much lower the moved one's centre is than shown, where it rests.
    """
    (low, high), z = chosen.heights_m, d.object_position[:, 2]
    if d.action == "put_onto":
        own, shown = chosen.height_m, float(z[-1])
        under = max(shown - own / 2, low)
        return np.array([under, own]), shown - under - own / 2
    own = float(np.clip(2 * z.min(), low, high))
    first = chosen.height_m if find_action(d.action).static else own
    return np.array([first, own]), float(z.min()) - own / 2


def _start(d: Demonstration, first: int, heights: Float64, chosen: ReplaySettings) -> Starts:
    place = d.object_position[first].copy()
    static = find_action(d.action).static
    if not static:
        place[2] = heights[0] / 2
    return Starts(
        d.hand_azimuth[first : first + 1],
        d.hand_elevation[first : first + 1],
        place[None],
        np.zeros((1, 2)) if static else place[None, :2],
        heights[None],
        np.full((1, 2), chosen.radius_m),
    )


def _upright(d: Demonstration, first: int, turned: Float64) -> Float64:
    """The held cylinder's rotation: its axis the object's own z, as far as the fingers let it."""
    axis = np.asarray(matrix_from_rotvec(d.object_rotation[first]))[:, 2]
    across = turned[:, 1]
    axis = axis - (axis @ across) * across
    z = axis / np.linalg.norm(axis) if np.linalg.norm(axis) > 1e-6 else turned[:, 0]
    found: Float64 = np.column_stack([np.cross(across, z), across, z])
    return found


def _towards(state: GripperState, position: Float64, turned: Float64, opening: float) -> Float64:
    """The action (7,) that brings a hand to a pose within about a step."""
    speed = (position - state.position[0]) * CONTROL_HZ / SPEED_M_S
    spin = np.asarray(rotvec_from_matrix(turned @ state.rotation[0].T)) * CONTROL_HZ / TURN_RAD_S
    wanted = np.concatenate([speed, spin, [2 * opening / OPENING_M - 1]])
    action: Float64 = np.arctanh(np.clip(wanted, -0.9999, 0.9999))
    return action


def _result(
    d: Demonstration,
    states: list[GripperState],
    index: NDArray[np.int64],
    led: Float64,
    heights: Float64,
    chosen: ReplaySettings,
) -> Replay:
    static = find_action(d.action).static
    which = int(static)
    moved = np.concatenate([s.objects[:, which] for s in states])
    hand = np.concatenate([s.position for s in states])
    still = np.concatenate([s.objects[:, 0] for s in states]) if static else None
    place = np.tile([0.0, 0.0, heights[0] / 2], (len(index), 1)) if static else None
    sizes = (float(heights[which]), chosen.radius_m)
    other = (float(heights[0]), chosen.radius_m) if static else (0.0, 0.0)
    shown = Trajectory(
        d.object_position[index],
        np.asarray(matrix_from_rotvec(d.object_rotation[index])),
        d.hand_azimuth[index],
        d.hand_elevation[index],
        *sizes,
        place,
        *other,
    )
    simulated = Trajectory(
        moved,
        np.concatenate([s.rotations[:, which] for s in states]),
        np.concatenate([s.azimuth for s in states]),
        np.concatenate([s.elevation for s in states]),
        *sizes,
        still,
        *other,
    )
    return Replay(
        action=d.action,
        shown=d.object_position[index],
        moved=moved,
        hand=hand,
        hand_off_m=np.linalg.norm(hand - led, axis=1),
        below_table=float(np.mean([s.hand_on_table[0] for s in states])),
        as_shown=satisfied(d.action, shown),
        as_replayed=satisfied(d.action, simulated),
    )
