"""The velocity that follows a moving point and can always still stop at it.

The speed is the one of car-following (Krauss 1998): the distance left must cover a reaction time
at this speed and the braking after it, d = v t + v² / (2 a). Vectors are (3,): metres along the
base axes, or rotation vectors in rad.
"""

from __future__ import annotations

import math

import numpy as np

from visuomotor.contracts import Float64


def length(vector: Float64) -> float:
    """Euclidean norm of a (3,) vector; a tenth of np.linalg.norm's time."""
    return math.sqrt(float(vector @ vector))


def turn(R_from: Float64, R_to: Float64) -> float:
    """The angle in rad, 0 to pi, between two rotations (3, 3)."""
    cosine = 0.5 * (float((R_from * R_to).sum()) - 1.0)
    return math.acos(min(max(cosine, -1.0), 1.0))


def clipped(vector: Float64, bound: float) -> Float64:
    """The vector, shortened to `bound` where it is longer."""
    size = length(vector)
    return vector if size <= bound else vector * (bound / size)


def stopping_speed(distance: float, deceleration: float, reaction_s: float) -> float:
    """The speed from which one stops within `distance` after `reaction_s` at this speed."""
    at = deceleration * reaction_s
    return math.sqrt(at * at + 2.0 * deceleration * distance) - at


def braked(velocity: Float64, change: float) -> Float64:
    """The velocity after braking along its own line by at most `change`."""
    speed = length(velocity)
    return np.zeros(3) if speed <= change else velocity * (1.0 - change / speed)


def pursuit_velocity(
    error: Float64,
    lead: Float64,
    max_speed: float,
    deceleration: float,
    reaction_s: float,
    step_s: float,
) -> Float64:
    """The wished velocity (3,) towards a target sampled now and then.

    error: newest target minus reference. lead: how far the target has presumably gone since. The
    lead sets the pace between samples; the newest target alone bounds the speed, so that a
    target that stops is not overshot. reaction_s: the samples' period, about.
    """
    distance = length(error)
    bound = stopping_speed(distance, deceleration, step_s)
    ahead = error + lead
    speed = stopping_speed(length(ahead), deceleration, max(reaction_s, step_s))
    if speed <= bound and float(ahead @ error) > 0.0:
        return ahead * (min(speed, max_speed) / max(length(ahead), 1e-12))
    return error * (min(bound, max_speed) / max(distance, 1e-12))


def limited_velocity(velocity: Float64, wished: Float64, change: float) -> Float64:
    """The velocity (3,) nearest to `wished` that lies within `change` of the present one."""
    return velocity + clipped(wished - velocity, change)


def stop_point(position: Float64, velocity: Float64, deceleration: float) -> Float64:
    """Where full braking from here ends (3,)."""
    return position + velocity * (length(velocity) / (2.0 * deceleration))


def confined_velocity(
    position: Float64,
    velocity: Float64,
    wished: Float64,
    lower: Float64,
    upper: Float64,
    deceleration: float,
    step_s: float,
) -> Float64:
    """The velocity nearest to `wished` from which the arm can still stop inside the box.

    `velocity` is the present one, `wished` within deceleration * step_s of it. If the present
    stop point is inside, so is the next one: braking in steps of any length ends no farther than
    braking continuously, and every blend of `wished` with full braking is an allowed change.
    """

    def inside(candidate: Float64) -> bool:
        moved = position + candidate * step_s
        end = stop_point(moved, candidate, deceleration)
        return bool(
            (end >= lower).all()
            and (end <= upper).all()
            and (moved >= lower).all()
            and (moved <= upper).all()
        )

    if inside(wished):
        return wished
    safe, unsafe = 0.0, 1.0
    brake = braked(velocity, deceleration * step_s)
    for _ in range(16):
        middle = 0.5 * (safe + unsafe)
        if inside(brake + middle * (wished - brake)):
            safe = middle
        else:
            unsafe = middle
    return brake + safe * (wished - brake)
