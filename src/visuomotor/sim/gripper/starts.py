"""Where episodes begin: the hand's pose, and the cylinders' sizes and places."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import DataError
from visuomotor.sim.gripper.model import OPENING_M

Float64 = NDArray[np.float64]

__all__ = ["OPENING_M", "Starts"]


@dataclass(frozen=True)
class Starts:
    """N starts. Frame: z up, the table at z = 0, the camera looks along +y.

    azimuth, elevation (N,) rad of where the hand points, position (N, 3) m of its point between
    the fingers; place (N, 2) m of the first object, which stands on the table; heights, radii
    (N, 2) m of the first object and of the one that is in the hand in actions with two. Raises
    DataError for other shapes, values that are not finite, and objects wider than the gripper.
    """

    azimuth: Float64
    elevation: Float64
    position: Float64
    place: Float64
    heights: Float64
    radii: Float64

    def __post_init__(self) -> None:
        n = len(self.azimuth)
        tails = {"position": (3,), "place": (2,), "heights": (2,), "radii": (2,)}
        for field in fields(self):
            value, expected = getattr(self, field.name), (n, *tails.get(field.name, ()))
            if np.shape(value) != expected or not np.isfinite(value).all():
                raise DataError(
                    f"starts: got {field.name} {np.shape(value)}, expected {expected}, all finite"
                )
        if n and not (self.radii.min() > 0 and self.radii.max() < OPENING_M):
            raise DataError(
                f"starts: got radii {self.radii.min():g} to {self.radii.max():g} m, expected more "
                f"than 0 and less than {OPENING_M}, what the gripper opens"
            )
        if n and not self.heights.min() > 0:
            raise DataError(f"starts: got a height of {self.heights.min():g} m, expected more")

    def __len__(self) -> int:
        return len(self.azimuth)

    def take(self, indices: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Starts:
        """Some of them."""
        return Starts(**{f.name: getattr(self, f.name)[indices] for f in fields(self)})

    def replaced(self, indices: NDArray[np.int64], others: Starts) -> Starts:
        """These starts with those at `indices` exchanged for `others`."""
        values = {f.name: getattr(self, f.name).copy() for f in fields(self)}
        for name, value in values.items():
            value[indices] = getattr(others, name)
        return Starts(**values)
