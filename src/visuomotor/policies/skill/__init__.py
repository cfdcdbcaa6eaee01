"""A skill learned by reinforcement: how a hand moves around an object."""

from visuomotor.policies.skill.config import SkillConfig
from visuomotor.policies.skill.network import SkillNetwork, load_skill

__all__ = ["SkillConfig", "SkillNetwork", "load_skill"]
