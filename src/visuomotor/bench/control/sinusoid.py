"""A sinusoid as a target, and how far behind it and how smoothly an arm follows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from visuomotor.contracts import Float64

AMPLITUDE_M, FREQUENCY_HZ = 0.05, 0.25
OMEGA = 2 * np.pi * FREQUENCY_HZ
IDEAL_ACCELERATION = AMPLITUDE_M * OMEGA**2 / np.sqrt(2)
"""Root mean square in m/s² of what follows it exactly."""
_SMOOTH_S = 0.05


def offset_m(elapsed_s: float) -> float:
    """Where the target is, along its axis, from where it starts."""
    return float(AMPLITUDE_M * np.sin(OMEGA * elapsed_s))


def following(times: Float64, along: Float64, start_s: float) -> Mapping[str, float]:
    """Lag, error and smoothness of positions (N,) in m along the axis, at times (N,) in s.

    start_s: when the target was at 0. lag_ms: of the sinusoid fitted to the positions; rms_mm: of
    target minus position at the same instant; acceleration_rms in m/s²: of the positions, smoothed
    over 50 ms.
    """
    elapsed = times - start_s
    basis = np.stack([np.sin(OMEGA * elapsed), np.cos(OMEGA * elapsed), np.ones_like(elapsed)], 1)
    a, b, centre = np.linalg.lstsq(basis, along, rcond=None)[0]
    error = AMPLITUDE_M * np.sin(OMEGA * elapsed) - (along - centre)
    return {
        "lag_ms": 1e3 * float(np.arctan2(-b, a)) / OMEGA,
        "rms_mm": 1e3 * float(np.sqrt(np.mean(error**2))),
        "gain": float(np.hypot(a, b)) / AMPLITUDE_M,
        "offset_mm": 1e3 * float(centre),
        "acceleration_rms": float(np.sqrt(np.mean(accelerations(times, along) ** 2))),
    }


def accelerations(times: Float64, along: Float64) -> Float64:
    """Second derivatives (M,) of positions (N,), by a parabola fitted about every 5 ms."""
    grid = np.arange(times[0] + _SMOOTH_S, times[-1] - _SMOOTH_S, 0.005)
    found = []
    for t in grid:
        first, last = np.searchsorted(times, [t - _SMOOTH_S, t + _SMOOTH_S])
        if last - first >= 4:
            found.append(2 * np.polyfit(times[first:last] - t, along[first:last], 2)[0])
    return np.array(found)
