"""What was asked of the arm, what it was told and what it did, over time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from visuomotor.contracts import Float64

_WINDOW_S = 0.06
"""Speeds are taken over so long: stamps of single messages jitter."""


@dataclass
class Track:
    """Positions (3,) in base by time in s."""

    times: list[float] = field(default_factory=list)
    positions: list[Float64] = field(default_factory=list)

    def add(self, time_s: float, position: Float64) -> None:
        """A newer sample; one that is not newer is left out."""
        if not self.times or time_s > self.times[-1]:
            self.times.append(time_s)
            self.positions.append(position)

    def between(self, start_s: float, end_s: float) -> tuple[Float64, Float64]:
        """Times (N,) and positions (N, 3) from start_s to end_s."""
        n = len(self.positions)  # another thread goes on adding, the position last
        times, positions = np.array(self.times[:n]), np.array(self.positions[:n]).reshape(-1, 3)
        kept = (times >= start_s) & (times <= end_s)
        return times[kept], positions[kept]


def speeds(times: Float64, positions: Float64, window_s: float = _WINDOW_S) -> Float64:
    """Speeds (M,) in m/s over windows of positions (N, 3)."""
    ahead = np.searchsorted(times, times + window_s)
    kept = ahead < len(times)
    first, last = np.flatnonzero(kept), ahead[kept]
    moved = np.linalg.norm(positions[last] - positions[first], axis=1)
    result: Float64 = moved / (times[last] - times[first])
    return result


def peak_speed(track: Track, start_s: float, end_s: float) -> float:
    """The greatest speed in m/s between two times."""
    found = speeds(*track.between(start_s, end_s))
    return float(found.max()) if len(found) else 0.0


def rest_after(track: Track, start_s: float, end_s: float, still: float = 0.005) -> float:
    """Seconds after start_s until the speed stays below `still` m/s; inf where it never does.

    Nor is an arm known to rest of which nothing was heard in the last quarter of a second.
    """
    times, positions = track.between(start_s, end_s)
    if not len(times) or times[-1] < end_s - 0.25:
        return float("inf")
    moving = np.flatnonzero(speeds(times, positions) >= still)
    if not len(moving):
        return 0.0
    after = float(times[min(moving[-1] + 1, len(times) - 1)]) - start_s + _WINDOW_S
    return after if after < end_s - start_s - 2 * _WINDOW_S else float("inf")
