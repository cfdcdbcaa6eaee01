"""Weakly labelled images make a policy robust to looks: an attentional network with two heads."""

from visuomotor.policies.gplac.config import GplacConfig, PushConfig
from visuomotor.policies.gplac.policy import GplacPolicy, load

__all__ = ["GplacConfig", "GplacPolicy", "PushConfig", "load"]
