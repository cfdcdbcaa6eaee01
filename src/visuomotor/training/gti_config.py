"""One training run of GTI's first stage."""

from __future__ import annotations

from dataclasses import dataclass, fields

from visuomotor.observations import CameraSpec
from visuomotor.policies.gti.config import GtiConfig
from visuomotor.training.sequences import CAMERAS, SequenceNoise


@dataclass(frozen=True)
class GtiTrainingConfig(GtiConfig, SequenceNoise):
    """One training run; its policy's own settings and the noise come first.

    task, episodes: only this task, only the first so many (None: all). batch: windows of `horizon`
    steps. beta: of the divergence beside the *mean* squared errors of the robot's state and of the
    pixels, which count image_weight. near_share: of the windows whose controller is given not
    the posterior's sample but the nearest of near_samples from the prior, as it will be when it
    runs. width_weight: of the gripper's cross-entropy.
    """

    task: str | None = None
    episodes: int | None = None
    cameras: tuple[CameraSpec, ...] = CAMERAS
    steps: int = 5000
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    beta: float = 5e-4
    image_weight: float = 1.0
    near_share: float = 0.5
    near_samples: int = 32
    width_weight: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        GtiConfig.__post_init__(self)
        SequenceNoise.__post_init__(self)
        if not self.cameras or any(c.depth for c in self.cameras):
            raise ValueError(
                "gti training: expected one camera or more, every one with `depth: false`"
            )
        counts = (self.steps, self.batch, self.near_samples)
        weights = (self.beta, self.image_weight, self.width_weight)
        if min(counts) < 1 or min(weights) < 0 or self.learning_rate <= 0:
            raise ValueError(
                f"gti training: got steps, batch, near_samples {counts}, beta, image_weight, "
                f"width_weight {weights}, learning_rate {self.learning_rate}; expected positive "
                "numbers, weights >= 0"
            )
        if not 0 <= self.near_share <= 1:
            raise ValueError(
                f"gti training: got near_share {self.near_share}, expected 0 <= near_share <= 1"
            )

    def policy(self) -> GtiConfig:
        """The settings that the checkpoint keeps."""
        return GtiConfig(**{f.name: getattr(self, f.name) for f in fields(GtiConfig)})
