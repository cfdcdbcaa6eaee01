"""The normaliser of a head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from visuomotor.checkpoint import normaliser_tensors
from visuomotor.errors import CheckpointError

LEAST_SPREAD = 1e-6
"""What hardly varies in the data is taken to vary by 1e-3; only a damaged file holds less."""


@dataclass(frozen=True)
class Scales:
    """The normaliser, from the training data.

    seen (K, 3) or (F,): mean of what is seen, which stands for what was not seen; spread, of the
    same shape: its standard deviation. delta (6,): standard deviations of the action's delta.
    width (2,): least and greatest commanded width in m. longest (2,): the longest translation (m)
    and rotation (rad) of a delta that was demonstrated.
    """

    seen: Tensor
    spread: Tensor
    delta: Tensor
    width: Tensor
    longest: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, for a checkpoint."""
        return {
            "seen": self.seen,
            "spread": self.spread,
            "delta": self.delta,
            "width": self.width,
            "longest": self.longest,
        }

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], shape: tuple[int, ...], where: str
    ) -> Scales:
        """The inverse of `tensors`; CheckpointError names what is missing or of another shape.

        shape: of what is seen.
        """
        shapes = {"seen": shape, "spread": shape, "delta": (6,), "width": (2,), "longest": (2,)}
        found = cls(**normaliser_tensors(tensors, shapes, where))
        least = float(found.spread.min()) if found.spread.numel() else LEAST_SPREAD
        if least < LEAST_SPREAD:
            raise CheckpointError(
                f"{where}: the normaliser's spread is {least:g} in one place, expected at least "
                f"{LEAST_SPREAD:g}, for what is seen is divided by it; train it again"
            )
        return found

    def fill(self, seen: Tensor) -> Tensor:
        """What is seen (..., K, 3) or (..., F), with the mean where it is not finite."""
        if self.seen.ndim == 2:  # a point is known whole or not at all
            return torch.where(seen.isfinite().all(-1, keepdim=True), seen, self.seen)
        return torch.where(seen.isfinite(), seen, self.seen)
