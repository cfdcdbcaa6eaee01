"""What a dense policy is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.policies.heads import HeadConfig


@dataclass(frozen=True)
class DensePolicyConfig:
    """A head on K keypoints that descriptors find.

    space: `3d`, in base, from colour and depth of all cameras (DD-3D), or `2d`, in the first
    camera's image, from its colour alone (DD-2D).
    """

    descriptors: DescriptorConfig = DescriptorConfig()
    space: Literal["3d", "2d"] = "3d"
    head: HeadConfig = HeadConfig()

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what the head is given: (K, 3) points in base, or (2 K,) features."""
        count = self.descriptors.keypoints
        return (count, 3) if self.space == "3d" else (2 * count,)
