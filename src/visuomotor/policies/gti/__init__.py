"""GTI's first stage: subgoals drawn from a mixture, and a controller that goes to them."""

from visuomotor.policies.gti.config import GtiConfig
from visuomotor.policies.gti.policy import GtiPolicy, load

__all__ = ["GtiConfig", "GtiPolicy", "load"]
