"""What a dense policy is."""

from __future__ import annotations

from dataclasses import dataclass

from visuomotor.descriptors.config import DescriptorConfig


@dataclass(frozen=True)
class DensePolicyConfig:
    """An MLP on K keypoints in 3-D relative to the hand, its height, rotation and width.

    hidden, dropout: of the MLP. descriptors: the frozen network inside.
    """

    descriptors: DescriptorConfig = DescriptorConfig()
    hidden: tuple[int, ...] = (256, 256)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1 or not 0 <= self.dropout < 1:
            raise ValueError(
                f"dense policy: got hidden {self.hidden}, dropout {self.dropout}; expected "
                "positive layer sizes and 0 <= dropout < 1"
            )
