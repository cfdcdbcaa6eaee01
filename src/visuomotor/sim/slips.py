"""Slips and strays: hand or gripper do what nobody asked, and somebody corrects it.

What is recorded are the targets, which stay as they were: a demonstration then shows how to come
back from where it has not been (Laskey et al. 2017, *DART*).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONG_S = 0.4
"""How long one lasts."""
FAR_M = (0.01, 0.02)
"""How far the hand goes aside."""
GRIPPER_SHARE = 0.07
"""Of the slips are the gripper's: it opens if it was to be closed, and the other way round."""
_HALF_OPEN_M, _OPEN_M = 0.04, 0.08


@dataclass(frozen=True)
class Slips:
    """starts_s (S,) since the reset, ascending; aside_m (S, 3) in base, 0 for the gripper's."""

    starts_s: NDArray[np.float64]
    aside_m: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, rate_hz: float, until_s: float) -> Slips:
        """See `_starts`."""
        starts = _starts(rng, rate_hz, LONG_S, until_s)
        count = len(starts)
        ways = rng.standard_normal((count, 3))
        ways *= rng.uniform(*FAR_M, (count, 1)) / np.linalg.norm(ways, axis=1, keepdims=True)
        ways[rng.uniform(size=count) < GRIPPER_SHARE] = 0.0
        return cls(starts, ways)

    def aside(self, elapsed_s: float) -> NDArray[np.float64]:
        """The hand's way aside (3,), m: out and back without a jump."""
        i, share = self._now(elapsed_s)
        if i is None:
            return np.zeros(3)
        away: NDArray[np.float64] = self.aside_m[i] * np.sin(np.pi * share)
        return away

    def width(self, elapsed_s: float, width_m: float) -> float:
        """The width that the gripper goes to, told width_m."""
        i, _ = self._now(elapsed_s)
        if i is None or self.aside_m[i].any():
            return width_m
        return _OPEN_M if width_m < _HALF_OPEN_M else 0.0

    def _now(self, elapsed_s: float) -> tuple[int | None, float]:
        """Which slip it is, and the share of it that is over."""
        i = int(np.searchsorted(self.starts_s, elapsed_s, side="right")) - 1
        share = (elapsed_s - self.starts_s[i]) / LONG_S if i >= 0 else 1.0
        return (i, float(share)) if share < 1.0 else (None, 0.0)


STRAY_S = 1.2
"""How long one lasts."""
STRAY_UP_M, STRAY_ASIDE_M = (0.02, 0.08), (0.0, 0.10)
"""How far the hand is taken."""


@dataclass(frozen=True)
class Strays:
    """The hand closes, whatever is in it, and is taken up and aside as if it carried something.

    So a demonstration shows what to do with a hand that has closed on nothing. starts_s (S,) since
    the reset, ascending; way_m (S, 3) in base.
    """

    starts_s: NDArray[np.float64]
    way_m: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, rate_hz: float, until_s: float) -> Strays:
        """See `_starts`."""
        starts = _starts(rng, rate_hz, STRAY_S, until_s)
        count = len(starts)
        angle, far = rng.uniform(-np.pi, np.pi, count), rng.uniform(*STRAY_ASIDE_M, count)
        up = rng.uniform(*STRAY_UP_M, count)
        return cls(starts, np.stack([far * np.cos(angle), far * np.sin(angle), up], axis=1))

    def now(self, elapsed_s: float) -> tuple[int, NDArray[np.float64]] | None:
        """Which one it is, and how far (3,) it has gone, m: up at first, then aside; None: none."""
        i = int(np.searchsorted(self.starts_s, elapsed_s, side="right")) - 1
        share = (elapsed_s - self.starts_s[i]) / STRAY_S if i >= 0 else 1.0
        if share >= 1.0:
            return None
        up, aside = min(2.0 * share, 1.0), max(2.0 * share - 1.0, 0.0)
        return i, self.way_m[i] * (aside, aside, up)


def _starts(
    rng: np.random.Generator, rate_hz: float, long_s: float, until_s: float
) -> NDArray[np.float64]:
    """When they start, s: one after the other, 1 / rate_hz on average from one's end to the next.

    There are more than fit before until_s.
    """
    count = int(until_s * rate_hz * 3) + 8
    starts: NDArray[np.float64] = np.cumsum(long_s + rng.exponential(1.0 / rate_hz, count))
    return starts
