"""What a behaviour-cloning baseline is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from visuomotor.policies.heads import HeadConfig

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class EncoderConfig:
    """The network from an image to P points in it; backbone: one of networks.BACKBONES.

    sharpness: of the spatial softmax at first, a factor on its logits, which is learned.
    """

    backbone: str = "compact"
    width: int = 32
    stride: int | None = None
    points: int = 16
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        if min(self.points, self.width) < 1 or not 0 < self.sharpness < math.inf:
            raise ValueError(
                f"encoder: got {self.points} points, width {self.width}, sharpness "
                f"{self.sharpness}, expected at least 1, 1 and more than 0"
            )


@dataclass(frozen=True)
class CalibratedView:
    """A camera that does not move: K (3, 3), T_base_camera (4, 4) and its image's size in px."""

    K: Rows
    T_base_camera: Rows
    width: int
    height: int


@dataclass(frozen=True)
class BcPolicyConfig:
    """What the policy sees, and the head on it.

    sight: `image`, one camera's colour through an encoder; `truth_3d`, points fixed to objects at
    their true poses, in base; `truth_2d`, the same points in the image of `view`. offsets_m: those
    points in each object's frame. objects: how many there are.
    """

    sight: Literal["image", "truth_3d", "truth_2d"] = "image"
    encoder: EncoderConfig = EncoderConfig()
    offsets_m: Rows = ()
    objects: int = 1
    view: CalibratedView | None = None
    head: HeadConfig = HeadConfig()

    def __post_init__(self) -> None:
        if self.sight != "image" and not self.offsets_m:
            raise ValueError(f"{self.sight}: got no offsets_m, expected points on the object")
        if self.sight == "truth_2d" and self.view is None:
            raise ValueError("truth_2d: got no view, expected the camera to project into")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what the head is given: (K, 3) points in base, or (F,) features."""
        count = self.objects * len(self.offsets_m)
        if self.sight == "truth_3d":
            return (count, 3)
        return (2 * (self.encoder.points if self.sight == "image" else count),)
