"""What GTI's first stage is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visuomotor.policies.bc.config import EncoderConfig

Choice = Literal["weighted", "likeliest"]


@dataclass(frozen=True)
class GtiConfig:
    """Sizes of the planner and the controller, and how latents are drawn when it runs.

    encoder: one per camera. latent: numbers of a subgoal. modes: components of the learned prior;
    1 is the unimodal baseline. horizon: steps from an observation to the future one that a latent
    stands for. planner: layers of posterior, prior and decoder. conditioned: the decoder also knows
    the present observation, so that a latent need not say what stays. drawn_px: side of the
    images that the decoder draws, one per camera. units: of the controller's LSTM.

    When it runs: period: steps from one latent to the next. temperature: scales the standard
    deviations of the prior's components. choice: a component `weighted` by the prior's weights, or
    always the `likeliest`. least_share: components with less than this share of the greatest weight
    are never drawn.
    """

    encoder: EncoderConfig = EncoderConfig("plain", width=32, points=32)
    latent: int = 16
    modes: int = 10
    horizon: int = 10
    planner: tuple[int, ...] = (1024, 1024)
    conditioned: bool = True
    drawn_px: int = 16
    units: int = 400
    period: int = 10
    temperature: float = 1.0
    choice: Choice = "weighted"
    least_share: float = 0.0

    def __post_init__(self) -> None:
        sizes = (self.latent, self.modes, self.horizon, self.drawn_px, self.units, self.period)
        if not self.planner or min(*sizes, *self.planner) < 1:
            raise ValueError(
                f"gti: got latent {self.latent}, modes {self.modes}, horizon {self.horizon}, "
                f"drawn_px {self.drawn_px}, units {self.units}, period {self.period}, planner "
                f"{self.planner}; expected positive sizes and one layer at least"
            )
        if self.temperature < 0:
            raise ValueError(f"gti: got temperature {self.temperature}, expected 0 or more")
        if not 0 <= self.least_share <= 1:
            raise ValueError(f"gti: got least_share {self.least_share}, expected 0 to 1")
