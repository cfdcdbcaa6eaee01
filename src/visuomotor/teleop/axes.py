"""Which axis of a device moves what: signs, permutations, dead zone and expo."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import Float64
from visuomotor.errors import ConfigError, unknown_name

POSE_AXES = ("x", "y", "z", "rx", "ry", "rz")
"""The robot's axes, and those of a device that yields poses."""

_TERM = re.compile(r"\s*([+-]?)\s*([A-Za-z_][A-Za-z0-9_]*)\s*")


class AxisMap:
    """Six sums of a device's axes, for the robot's x y z rx ry rz.

    rows: for each of the six a name with a sign (`-left_y`), a sum of names
    (`right_trigger-left_trigger`), or `0` for none. Raises ConfigError for names that the device
    lacks, naming the near ones.
    """

    def __init__(self, rows: Sequence[str], names: Sequence[str]) -> None:
        if len(rows) != len(POSE_AXES):
            raise ConfigError(
                f"axes: got {len(rows)} entries, expected six, for {', '.join(POSE_AXES)}; "
                "write 0 for none"
            )
        self.names = tuple(names)
        self.matrix: Float64 = np.array([self._row(row) for row in rows])

    def __call__(self, values: ArrayLike) -> Float64:
        """The robot's (6,) of the device's values (n,), in the order of `names`."""
        result: Float64 = self.matrix @ np.asarray(values, float)
        return result

    def _row(self, text: str) -> Float64:
        row = np.zeros(len(self.names))
        if text.strip() in ("", "0"):
            return row
        at = 0
        while at < len(text):
            term = _TERM.match(text, at)
            if term is None or (at > 0 and not term[1]):
                raise ConfigError(
                    f"axes: got {text!r}, expected names with signs, such as -left_y or "
                    "right_trigger-left_trigger, or 0"
                )
            if term[2] not in self.names:
                raise ConfigError(f"axes: {text!r}: {unknown_name('axis', term[2], self.names)}")
            row[self.names.index(term[2])] += -1.0 if term[1] == "-" else 1.0
            at = term.end()
        return row


def shaped(values: ArrayLike, dead_zone: float, expo: float) -> Float64:
    """Deflections -1 to 1 without a dead zone about 0, and gentler near it.

    dead_zone: 0 to below 1. expo: 0 linear, 1 cubic. Full deflection stays full.
    """
    v = np.clip(np.asarray(values, float), -1.0, 1.0)
    u = np.maximum(np.abs(v) - dead_zone, 0.0) / (1.0 - dead_zone)
    result: Float64 = np.sign(v) * ((1.0 - expo) * u + expo * u**3)
    return result


def no_faster_on_diagonals(rate: Float64) -> Float64:
    """The rate (6,) with its linear and its angular half at most 1 long."""
    result: Float64 = rate.copy()
    for half in (slice(0, 3), slice(3, 6)):
        result[half] /= max(1.0, float(np.linalg.norm(result[half])))
    return result
