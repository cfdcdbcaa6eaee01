"""Behaviour cloning on images end to end, on an autoencoder's features, or on the true state."""

from visuomotor.policies.bc.config import BcPolicyConfig, EncoderConfig
from visuomotor.policies.bc.policy import BcPolicy, load

__all__ = ["BcPolicy", "BcPolicyConfig", "EncoderConfig", "load"]
