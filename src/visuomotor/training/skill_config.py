"""One training run of a skill."""

from __future__ import annotations

from dataclasses import dataclass

from visuomotor.policies.skill.config import SkillConfig
from visuomotor.training.curriculum import Curriculum
from visuomotor.training.ppo_config import PpoConfig
from visuomotor.video.actions import find_action
from visuomotor.video.reward import RewardConfig


@dataclass(frozen=True)
class SkillTrainingConfig(SkillConfig):
    """One training run; the policy's own settings come first.

    ppo, curriculum, reward: each its own. threads: of the physics; learner_threads: of torch while
    it learns (more than one only pays where nobody else needs them). check_every: updates from one
    look at success to the next; check_starts: from how many starts as the curriculum draws them
    now, and from how many fixed ones of the easy and of the hard benchmark (0: never). save_every:
    updates from one saved state to the next. seed: of weights, starts and actions.
    """

    ppo: PpoConfig = PpoConfig()
    curriculum: Curriculum = Curriculum()
    reward: RewardConfig = RewardConfig()
    threads: int = 2
    learner_threads: int = 1
    check_every: int = 50
    check_starts: int = 50
    save_every: int = 20
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        find_action(self.action)
        if (
            min(self.check_every, self.save_every, self.learner_threads) < 1
            or min(self.check_starts, self.threads) < 0
        ):
            raise ValueError(
                f"skill training: got check_every {self.check_every}, save_every "
                f"{self.save_every}, check_starts {self.check_starts}, threads {self.threads}, "
                f"learner_threads {self.learner_threads}; expected positive numbers"
            )
