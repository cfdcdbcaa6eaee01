"""Demonstrations that nobody filmed: plain paths of the nine actions, for trying and for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.video.actions import find_action
from visuomotor.video.demonstration import ACT, APPROACH, LEAVE, Demonstration

Float64 = NDArray[np.float64]

RATE_HZ, STEPS, BEGIN_S, END_S = 12.0, 121, 3.0, 7.0
_HEIGHT_M, _LEAVE_M = 0.07, 0.2
_ALONG = {
    "pull_left_to_right": (1.0, np.pi),
    "pull_right_to_left": (-1.0, 0.0),
    "push_left_to_right": (1.0, 0.0),
    "push_right_to_left": (-1.0, np.pi),
}
_PLACES = {
    "put_behind": (0.0, 0.14, 0.0),
    "put_in_front_of": (0.0, -0.14, 0.0),
    "put_next_to": (0.14, 0.0, 0.0),
    "put_onto": (0.0, 0.0, _HEIGHT_M),
}


def example_demonstration(action: str, seed: int = 0) -> Demonstration:
    """A demonstration of an action, a name of ACTIONS: minimum-jerk paths, varied a little by seed.

    The hand's end is the object's centre while it touches; it approaches in 3 s, acts in 4 s, and
    then rises 0.2 m above the object, which a hand that picks up holds.
    """
    name = find_action(action).name
    rng = np.random.default_rng([seed, *name.encode()])
    time = np.arange(STEPS) / RATE_HZ
    progress = minimum_jerk((time - BEGIN_S) / (END_S - BEGIN_S))
    centre = np.array([0.0, 0.0, _HEIGHT_M / 2])
    elevation, azimuth = rng.uniform(0.3, 0.6), np.pi / 2 + rng.normal(0.0, 0.1)
    if name in _ALONG:
        direction, azimuth = _ALONG[name]
        azimuth += rng.normal(0.0, 0.1)
        way = np.array([direction * rng.uniform(0.12, 0.2), rng.normal(0.0, 0.01), 0.0])
        path = centre + progress[:, None] * way
    elif name == "pick_up":
        path = centre + progress[:, None] * [0.0, 0.0, rng.uniform(0.12, 0.18)]
    else:
        begin = centre + np.array([rng.normal(0.0, 0.02), -0.25, 0.12])
        end = centre + _PLACES[name] + [*rng.normal(0.0, 0.005, 2), 0.0]
        path = begin + progress[:, None] * (end - begin)
        over = 0.0 if name in ("put_in_front_of",) else 0.14
        path[:, 2] += over * np.sin(np.pi * progress) ** 2
    leaving = minimum_jerk((time - END_S) / 1.0)
    rise = 0.0 if name == "pick_up" else _LEAVE_M
    phase = np.where(time < BEGIN_S, APPROACH, np.where(time <= END_S, ACT, LEAVE))
    return Demonstration(
        action=name,
        rate_hz=RATE_HZ,
        hand_position=path + leaving[:, None] * [0.0, 0.0, rise],
        hand_azimuth=np.full(STEPS, azimuth),
        hand_elevation=np.full(STEPS, elevation),
        touch=(phase == ACT).astype(float),
        object_position=path,
        object_rotation=np.zeros((STEPS, 3)),
        phase=phase.astype(np.int64),
    )


def minimum_jerk(share: Float64) -> Float64:
    """How far (T,) along its way a smooth motion is, 0 to 1, after a share (T,) of its time."""
    s = np.clip(share, 0.0, 1.0)
    way: Float64 = s**3 * (10 - 15 * s + 6 * s**2)
    return way
