"""One training run of a GPLAC policy, and which of the paper's methods it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from visuomotor.observations import CameraSpec
from visuomotor.policies.gplac.config import GplacConfig
from visuomotor.training.auxiliary import WeakSettings
from visuomotor.training.cloning import CloningConfig
from visuomotor.training.image_augmentation import ImageAugmentation

Use = Literal["joint", "finetune", "frozen", "autoencoder", "reversal", "joint_reversal"]


@dataclass(frozen=True)
class GplacTrainingConfig(GplacConfig, WeakSettings):
    """One training run; its policy's own settings and those of the weak images come first.

    use: of the weak images. `joint`, classified beside the task (GPLAC; with the plain network
    CNN-C); `finetune`, classified first, then the task alone (ATT-FT); `frozen`, classified
    first, then the heads alone; `autoencoder`, both sorts of images are drawn from the features
    (ATT-AE); `reversal`, the features must not tell the sorts apart (ATT-DA); `joint_reversal`,
    this and the classification (GPLAC-DA). Without weak images it is ATT-1 or CNN-1.
    weak_unseen: a folder of weak images from which nothing is learned ("" is none); how many of
    them are classified right is told as `weak_unseen`. pose_objects: before the task, the
    encoder learns the places of these objects, which only a simulation knows (the paper's
    ATT-PO), in the episodes of pose_dataset ("": in the demonstrations). first_steps: of what
    is learned before the task (None: as many as `steps`). task_gradient: how much of the task's
    gradient reaches the encoder beside that of the classification; 0: the labels alone decide
    where points are, in the demonstrations' own room as in any other, and there is no warm-up
    (None: 0 where every point's peak tells the labels and no gradient is reversed, else 1, as
    in the paper). reversal: how much of the reversed gradient flows back in the end. shrink: an
    image that is drawn is so much smaller. augmentation: how the demonstrations' images are
    changed. passes: images of both sorts go through the network `joint`, in one batch, or
    `separate`: the same but for batch norm, whose statistics are then those of either sort.
    first_layer: a file with VGG-16's first layer ("": random). task, episodes: only this task,
    only the first so many (None: all). noise_*: standard deviations of what is added to the
    robot's state; the targets stay where they were in the world; noise_draws: of it for each
    image. width_weight: of the gripper's cross-entropy.
    """

    use: Use = "joint"
    weak_unseen: str = ""
    pose_objects: tuple[str, ...] = ()
    pose_dataset: str = ""
    first_steps: int | None = None
    task_gradient: float | None = None
    reversal: float = 1.0
    shrink: int = 4
    passes: Literal["joint", "separate"] = "joint"
    augmentation: ImageAugmentation = ImageAugmentation()
    first_layer: str = ""
    camera: CameraSpec = CameraSpec("front", 84, 112, depth=False)
    task: str | None = None
    episodes: int | None = None
    steps: int = 10_000
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    noise_position_m: float = 0.005
    noise_rotation_rad: float = 0.02
    noise_width_m: float = 0.001
    noise_draws: int = 8
    width_weight: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_weak("gplac")
        _ = self.cloning  # its own check
        first = self.steps if self.first_steps is None else self.first_steps
        if self.task_share < 0 or (self.task_share < 1 and not self.classifies):
            raise ValueError(
                f"gplac training: got task_gradient {self.task_gradient}; expected >= 0, and 1 "
                "unless weak images are classified beside the task: nothing else trains the encoder"
            )
        if min(self.shrink, first) < 1 or min(self.reversal, self.width_weight) < 0:
            raise ValueError(
                f"gplac training: got shrink {self.shrink}, first_steps {self.first_steps}, "
                f"reversal {self.reversal}, width_weight {self.width_weight}; expected positive "
                "numbers, weights >= 0"
            )
        if self.weak_unseen and not self.classifies:
            raise ValueError(
                f"gplac training: got weak_unseen with weak {self.weak!r} and use {self.use}; "
                "expected weak images that are classified beside the task"
            )
        if self.use != "joint" and not self.weak:
            raise ValueError(
                f"gplac training: got use {self.use} without `weak`; expected a folder of images"
            )
        if self.pose_objects and self.use in ("finetune", "frozen"):
            raise ValueError(
                f"gplac training: got pose_objects and use {self.use}; only one can come first"
            )

    @property
    def cloning(self) -> CloningConfig:
        """How the policy's head is trained."""
        return CloningConfig(
            self.steps,
            self.batch,
            self.learning_rate,
            self.weight_decay,
            self.noise_position_m,
            self.noise_rotation_rad,
            self.noise_width_m,
            width_weight=self.width_weight,
            draws=self.noise_draws,
        )

    def warm_up(self, steps: int) -> int:
        """None where the task teaches the encoder nothing."""
        return super().warm_up(steps) if self.task_share > 0 else 0

    @property
    def task_share(self) -> float:
        """`task_gradient`, or what it is unless it is given."""
        if self.task_gradient is not None:
            return self.task_gradient
        return 0.0 if self.classifies and self.peaks and not self.adapts else 1.0

    @property
    def classifies(self) -> bool:
        """Whether weak images are classified beside the task."""
        return bool(self.weak) and self.use in ("joint", "joint_reversal")

    @property
    def adapts(self) -> bool:
        """Whether the gradient of telling the two sorts of images apart is reversed."""
        return bool(self.weak) and self.use in ("reversal", "joint_reversal")

    @property
    def draws(self) -> bool:
        """Whether images are drawn from their features."""
        return bool(self.weak) and self.use == "autoencoder"

    def policy(self) -> GplacConfig:
        """The settings that the checkpoint keeps."""
        return GplacConfig(**{f.name: getattr(self, f.name) for f in fields(GplacConfig)})
