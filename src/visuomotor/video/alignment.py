"""Brings videos into one frame and one time, so that their motions can be compared and imitated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.errors import ConfigError
from visuomotor.geometry.se3 import matrix_from_rotvec, rotvec_from_matrix
from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import ACT, APPROACH, LEAVE, Demonstration
from visuomotor.video.metrics import Trajectory
from visuomotor.video.states import VideoStates


@dataclass(frozen=True)
class AlignmentSettings:
    """How a video becomes a demonstration; the defaults are the paper's.

    rate_hz, duration_s of the demonstration; the action lasts from action_s[0] to action_s[1].
    scale of all positions. leave_height_m: how far above the object the hand goes, in leave_s,
    after it let go.
    """

    rate_hz: float = 12.0
    duration_s: float = 10.0
    action_s: tuple[float, float] = (3.0, 7.0)
    scale: float = 1.5
    leave_height_m: float = 0.2
    leave_s: float = 1.0

    def __post_init__(self) -> None:
        first, last = self.action_s
        if not 0 <= first < last <= self.duration_s:
            raise ConfigError(
                f"AlignmentSettings.action_s is {self.action_s}, expected to lie in order within "
                f"0 to {self.duration_s} s"
            )
        if not (self.rate_hz > 0 and self.scale > 0 and self.leave_s > 0):
            raise ConfigError("AlignmentSettings: rate_hz, scale and leave_s must be positive")


@dataclass(frozen=True)
class AlignedStates:
    """A video's T frames in the frame of the manipulation (see Demonstration), m and rad."""

    hand_position: Float64
    hand_azimuth: Float64
    hand_elevation: Float64
    moved_position: Float64
    moved_rotation: Float64  # (T, 3, 3)
    static_position: Float64 | None  # (3,)
    static_rotation: Float64 | None  # (3, 3)


def align_states(states: VideoStates) -> AlignedStates:
    """Turns the world to the camera's heading and puts its origin below the first object.

    That is the static object where there is one, else the moved one before the action.
    """
    angle = -float(states.camera[1])
    turn = np.asarray(matrix_from_rotvec([0.0, 0.0, angle]))
    first = states.static_position
    origin = (states.moved_position[0] if first is None else first) * [1.0, 1.0, 0.0]
    rotations = turn @ np.asarray(matrix_from_rotvec(states.moved_rotation))
    still = states.static_rotation
    return AlignedStates(
        hand_position=(states.hand_position - origin) @ turn.T,
        hand_azimuth=states.hand_azimuth + angle,
        hand_elevation=states.hand_elevation,
        moved_position=(states.moved_position - origin) @ turn.T,
        moved_rotation=rotations,
        static_position=None if first is None else (first - origin) @ turn.T,
        static_rotation=None if still is None else turn @ np.asarray(matrix_from_rotvec(still)),
    )


def trajectory_of(states: VideoStates) -> Trajectory:
    """The action and what follows it, for the actions' metrics, at the video's own scale.

    A cuboid's radius is half the mean of its horizontal sides.
    """
    aligned = align_states(states)
    kept = slice(int(states.action_frames[0]), None)
    count = len(aligned.moved_position[kept])
    static: Float64 | None = None
    height = radius = 0.0
    if aligned.static_position is not None and states.static_size is not None:
        static = np.tile(aligned.static_position, (count, 1))
        height, radius = float(states.static_size[2]), float(states.static_size[:2].mean() / 2)
    return Trajectory(
        moved=aligned.moved_position[kept],
        rotation=aligned.moved_rotation[kept],
        azimuth=aligned.hand_azimuth[kept],
        elevation=aligned.hand_elevation[kept],
        height=float(states.moved_size[2]),
        radius=float(states.moved_size[:2].mean() / 2),
        static=static,
        static_height=height,
        static_radius=radius,
        rate_hz=states.rate_hz,
    )


def align(
    states: VideoStates, action: str, settings: AlignmentSettings | None = None
) -> Demonstration:
    """One video's demonstration: approach, action, leave (paper, section 4.1).

    The hand waits where the action begins while it approaches. After the action it lets go and
    rises above the object; an object that was picked up it keeps.
    """
    chosen, kind = settings or AlignmentSettings(), find_action(action)
    aligned = align_states(states)
    first, last = (int(v) for v in states.action_frames)
    last = min(last, len(states.touch))
    steps = round(chosen.duration_s * chosen.rate_hz)
    time_s = np.arange(steps) / chosen.rate_hz
    begin_s, end_s = chosen.action_s
    share = np.clip((time_s - begin_s) / (end_s - begin_s), 0.0, 1.0)
    at = first + share * max(last - 1 - first, 0)
    phase = np.where(time_s < begin_s, APPROACH, np.where(time_s <= end_s, ACT, LEAVE))

    hand = chosen.scale * _sample(aligned.hand_position, at)
    moved = chosen.scale * _sample(aligned.moved_position, at)
    azimuth = _sample(np.unwrap(aligned.hand_azimuth)[:, None], at)[:, 0]
    touch = np.where(phase == ACT, 1.0, 0.0)
    if kind.kept:
        touch = np.where(phase == LEAVE, 1.0, touch)
    else:
        settled = chosen.scale * aligned.moved_position[-1]
        moved[phase == LEAVE] = settled
        rise = np.clip((time_s - end_s) / chosen.leave_s, 0.0, 1.0)[:, None]
        above = settled + np.array([0.0, 0.0, chosen.leave_height_m])
        hand = np.where(phase[:, None] == LEAVE, hand + rise * (above - hand), hand)
    return Demonstration(
        action=kind.name,
        rate_hz=chosen.rate_hz,
        hand_position=hand,
        hand_azimuth=azimuth,
        hand_elevation=_sample(aligned.hand_elevation[:, None], at)[:, 0],
        touch=touch,
        object_position=moved,
        object_rotation=_sample_rotations(aligned.moved_rotation, at),
        phase=phase.astype(np.int64),
    )


def _sample(values: Float64, at: Float64) -> Float64:
    """(T, D) at fractional frames (S,)."""
    below = np.minimum(at.astype(int), len(values) - 1)
    above = np.minimum(below + 1, len(values) - 1)
    part = (at - below)[:, None]
    found: Float64 = (1 - part) * values[below] + part * values[above]
    return found


def _sample_rotations(rotations: Float64, at: Float64) -> Float64:
    """(S, 3) rotation vectors, along the shortest way between frames."""
    below = np.minimum(at.astype(int), len(rotations) - 1)
    above = np.minimum(below + 1, len(rotations) - 1)
    start = rotations[below]
    step = rotvec_from_matrix(start.transpose(0, 2, 1) @ rotations[above])
    turned = start @ matrix_from_rotvec((at - below)[:, None] * step)
    return np.asarray(rotvec_from_matrix(turned))
