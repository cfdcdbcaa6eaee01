"""Hand-eye action networks: keypoints that are attended to, and actions relative to them."""

from visuomotor.policies.han.config import HanConfig
from visuomotor.policies.han.policy import HanPolicy, load

__all__ = ["HanConfig", "HanPolicy", "load"]
