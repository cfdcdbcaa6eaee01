"""GTI's second stage and its baselines: a recurrent policy, with a goal image or without."""

from visuomotor.policies.goal.config import GoalConfig
from visuomotor.policies.goal.policy import GoalPolicy, RecurrentPolicy, load
from visuomotor.policies.goal.recovery import Recovery, RecoveryConfig

__all__ = [
    "GoalConfig",
    "GoalPolicy",
    "Recovery",
    "RecoveryConfig",
    "RecurrentPolicy",
    "load",
]
