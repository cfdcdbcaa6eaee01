"""When the action happens, from the boxes alone: the object moves and the hand is at it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.video.tracks import Phases, Tracks

MOVING_OF_WIDTH = 0.005
"""Of the image's width, in a frame: an object that moves less stands still."""

TOGETHER_OF_WIDTH = 0.01
"""In a frame: what moves less against one another stays together."""

BRIDGED = 3
"""Frames in which a moving object may pause."""


def predict_phases(tracks: Tracks) -> Phases:
    """Approach, action and leave of a video.

    The action has the longest run of frames in which the moved object's box moves against the
    static one's while the hand's touches it, and the frames around it in which both stay together.
    Raises DataError where that never happens.
    """
    speed = _speed(tracks.boxes["moved"])
    if tracks.seen("static").any():
        still = _speed(tracks.boxes["static"])
        speed = speed - np.where(np.isfinite(still), still, 0.0)
    moves = np.linalg.norm(np.nan_to_num(speed), axis=1) > MOVING_OF_WIDTH * tracks.size[0]
    active = moves & touching(tracks)
    active = _longest(_median3(active), BRIDGED)
    if not active.any():
        raise DataError(
            f"video {tracks.name}: the object does not move while the hand touches it in any of "
            f"{tracks.frames} frames; give the phases"
        )
    first, last = int(np.flatnonzero(active)[0]), int(np.flatnonzero(active)[-1]) + 1
    apart = np.linalg.norm(_speed(tracks.boxes["hand"]) - _speed(tracks.boxes["moved"]), axis=1)
    with np.errstate(invalid="ignore"):
        together = touching(tracks) & (apart < TOGETHER_OF_WIDTH * tracks.size[0])
    while first > 0 and together[first - 1]:
        first -= 1
    while last < tracks.frames and together[last]:
        last += 1
    last = min(max(last, first + 2), tracks.frames)
    return Phases((0, first), (first, last), (last, tracks.frames))


def touching(tracks: Tracks, margin: float = 0.1) -> NDArray[np.bool_]:
    """(T,): whether the hand's box, larger by a margin of its size, meets the moved object's."""
    hand, moved = tracks.boxes["hand"], tracks.boxes["moved"]
    reach = margin * (hand[:, 2:] - hand[:, :2])
    low = np.maximum(hand[:, :2] - reach, moved[:, :2])
    high = np.minimum(hand[:, 2:] + reach, moved[:, 2:])
    with np.errstate(invalid="ignore"):
        return np.asarray((high > low).all(axis=1))


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Intersection over union of two frame ranges."""
    both = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return both / max(one[1] - one[0] + other[1] - other[0] - both, 1)


def _speed(boxes: Float64) -> Float64:
    """(T, 2) px per frame of the box's centre; 0 across gaps."""
    centres = 0.5 * (boxes[:, :2] + boxes[:, 2:])
    return np.gradient(centres, axis=0)


def _median3(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
    padded = np.concatenate((values[:1], values, values[-1:])).astype(int)
    found: NDArray[np.bool_] = padded[:-2] + padded[1:-1] + padded[2:] >= 2
    return found


def _longest(active: NDArray[np.bool_], bridged: int) -> NDArray[np.bool_]:
    """The run with the most active frames, over pauses of so many frames at most."""
    where = np.flatnonzero(active)
    if len(where) == 0:
        return active
    runs = np.split(where, np.flatnonzero(np.diff(where) > bridged + 1) + 1)
    best = max(runs, key=len)
    kept = np.zeros_like(active)
    kept[best[0] : best[-1] + 1] = True
    return kept
