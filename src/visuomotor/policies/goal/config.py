"""What a goal-conditioned recurrent policy is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.goal.recovery import RecoveryConfig


@dataclass(frozen=True)
class GoalConfig(RecoveryConfig):
    """The network, and with RecoveryConfig what it does when it is stuck.

    goal: an `image` of goal_camera, one of the policy's cameras, whose encoder it shares; `none`
    is BC-RNN. encoder: one per camera. units: of the LSTM. window: steps after which its memory
    begins anew, as in training, where gradients reach no farther back. action: `deterministic`,
    or a Gaussian `mixture` of `modes` components, of which the likeliest one's mean acts
    (robomimic's BC-RNN-GMM, Mandlekar et al. 2021); it hears goals less (docs/gti.md).
    least_spread: of a component, in units of the demonstrated deltas' spread.
    """

    goal: Literal["image", "none"] = "image"
    goal_camera: str = "front"
    encoder: EncoderConfig = EncoderConfig("plain", width=32, points=32)
    units: int = 400
    window: int = 20
    action: Literal["mixture", "deterministic"] = "deterministic"
    modes: int = 5
    least_spread: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.units, self.window, self.modes) < 1 or not 0 < self.least_spread <= 1:
            raise ValueError(
                f"goal: got units {self.units}, window {self.window}, modes {self.modes}, "
                f"least_spread {self.least_spread}; expected positive sizes, and 0 < least_spread "
                "<= 1"
            )

    def check_cameras(self, names: tuple[str, ...]) -> None:
        """Raises ValueError if the goal's camera is not among the policy's."""
        if self.goal == "image" and self.goal_camera not in names:
            raise ValueError(
                f"goal: got goal_camera {self.goal_camera!r}, expected one of the policy's "
                f"cameras: {', '.join(names)}"
            )
