"""What a descriptor network is, and the part of space in which it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Workspace:
    """The box in base (m) in which objects are; `table_m` is the height of the table's surface."""

    low: tuple[float, float, float] = (0.25, -0.40, -0.02)
    high: tuple[float, float, float] = (0.80, 0.40, 0.60)
    table_m: float = 0.0
    clearance_m: float = 0.006  # a point this far above the table belongs to something on it

    def __post_init__(self) -> None:
        if any(a >= b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError(
                f"workspace: got low {self.low}, high {self.high}; expected low < high"
            )


@dataclass(frozen=True)
class DescriptorConfig:
    """The network and its keypoints; saved in every checkpoint that contains descriptors."""

    dimensions: int = 16  # D
    width: int = 32  # channels of the first layer, where the backbone leaves a choice
    keypoints: int = 16  # K descriptors of the reference image
    workspace: Workspace = Workspace()
    pixel_step: int = 2  # keypoints are localised among every n-th pixel of every n-th row
    sharpness: float = 1.0  # multiplies -|d - d*|^2 when localising
    radius_m: float = 0.04  # keypoints are refined within this distance; 0: plain expectation
    radius_px: float = 8.0  # the same for keypoints in one image
    backbone: str = "compact"  # one of networks.BACKBONES
    stride: int | None = None  # pixels per cell; None: the backbone's own
    learned: Literal["all", "head", "nothing"] = "all"  # the rest keeps its first weights

    def __post_init__(self) -> None:
        if not 1 <= self.pixel_step <= 8:
            raise ValueError(f"descriptors: got pixel_step {self.pixel_step}, expected 1 to 8")
        if min(self.dimensions, self.keypoints, self.width) < 1 or self.width % 4:
            raise ValueError(
                f"descriptors: got dimensions {self.dimensions}, keypoints {self.keypoints}, width "
                f"{self.width}; expected positive numbers and a width that 4 divides"
            )
