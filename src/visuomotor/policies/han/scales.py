"""The normaliser of a hand-eye action network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from visuomotor.checkpoint import normaliser_tensors


@dataclass(frozen=True)
class Scales:
    """width (2,): least and greatest commanded width in m.

    longest (T, 2): the longest translation (m) and rotation (rad) that was demonstrated, of each
    step of a chunk.
    """

    width: Tensor
    longest: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, for a checkpoint."""
        return {"width": self.width, "longest": self.longest}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], chunk: int, where: str) -> Scales:
        """The inverse of `tensors`; CheckpointError names what is missing or of another shape."""
        shapes = {"width": (2,), "longest": (chunk, 2)}
        return cls(**normaliser_tensors(tensors, shapes, where))
