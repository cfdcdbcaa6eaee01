"""What a GPLAC policy is: the paper's network and its baseline without attention."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from visuomotor.networks.local import Padding
from visuomotor.policies.heads import HeadConfig

UNITS = 400
"""Of every fully connected layer (Singh et al. 2017, appendix 8.3)."""


@dataclass(frozen=True)
class PushConfig:
    """A straight push that begins at a given place.

    direction: (x, y) in base, of any length. above_m: how far above its begin the hand comes first.
    lead_m: how far its target is ahead of the hand.
    """

    direction: tuple[float, float] = (0.0, 1.0)
    length_m: float = 0.2
    height_m: float = 0.03
    above_m: float = 0.08
    lead_m: float = 0.015

    def __post_init__(self) -> None:
        if not math.hypot(*self.direction) > 0 or min(self.length_m, self.lead_m) <= 0:
            raise ValueError(
                f"push: got direction {self.direction}, length_m {self.length_m}, lead_m "
                f"{self.lead_m}; expected a direction and positive lengths"
            )


@dataclass(frozen=True)
class GplacConfig:
    """Singh et al. 2017, section 5 and appendix 8.3.

    network: `attentional`, convolutions of stride 2 whose channels are points in the image;
    `plain`, the same of stride 4, all of whose last map goes on. norm: between the convolutions:
    `group`, `batch` as in the paper, or `cell`, over the channels of each cell. padding: of the
    convolutions; `replicate` takes a quarter longer. sharpness: of the softmax at first; it is
    learned. dropout: of the points' coordinates. shared: fully connected layers that both heads
    have in common, the paper has none. head: of the policy. evidence: what the classifier is given.
    `peaks`: of each point the logit that its softmax expects, and every one must tell the labels
    apart by itself (Oquab et al. 2015); `features`: what the policy's head is given, the places of
    the points, as in the paper, and in any case where there are no points or `shared` layers.
    classifier: layers of that on features. target: `action`, one every step; `push_start`, where a
    straight push begins, from an episode's first image, and then `push`.
    """

    network: Literal["attentional", "plain"] = "attentional"
    channels: tuple[int, ...] = (64, 64, 32, 32, 16)
    norm: Literal["group", "batch", "cell"] = "group"
    padding: Padding = "zeros"
    sharpness: float = 4.0
    dropout: float = 0.0
    shared: tuple[int, ...] = ()
    head: HeadConfig = HeadConfig(hidden=(UNITS, UNITS), dropout=0.0)
    evidence: Literal["peaks", "features"] = "peaks"
    classifier: tuple[int, ...] = (UNITS, UNITS)
    target: Literal["action", "push_start"] = "action"
    push: PushConfig | None = None

    def __post_init__(self) -> None:
        layers = (*self.channels, *self.shared, *self.classifier)
        if not self.channels or min(layers) < 1 or not self.sharpness > 0:
            raise ValueError(
                f"gplac: got channels {self.channels}, shared {self.shared}, classifier "
                f"{self.classifier}, sharpness {self.sharpness}; expected positive sizes"
            )
        if not 0 <= self.dropout < 1:
            raise ValueError(f"gplac: got dropout {self.dropout}, expected 0 <= dropout < 1")
        if self.head.kind != "mlp":
            raise ValueError(f"gplac: got a head of kind {self.head.kind!r}, expected mlp")

    @property
    def stride(self) -> int:
        """Pixels per cell of the map."""
        return 2 if self.network == "attentional" else 4

    @property
    def points(self) -> bool:
        """Whether what the heads are given are coordinates in [-1, 1]."""
        return self.network == "attentional" and not self.shared

    @property
    def peaks(self) -> bool:
        """Whether each point's own peak tells whether the object is in view."""
        return self.evidence == "peaks" and self.points

    def features(self, size: tuple[int, int]) -> int:
        """How many numbers the heads are given of an image of size (H, W)."""
        if self.shared:
            return self.shared[-1]
        if self.network == "attentional":
            return 2 * self.channels[-1]
        h, w = (-(-n // self.stride) for n in size)
        return h * w * self.channels[-1]
