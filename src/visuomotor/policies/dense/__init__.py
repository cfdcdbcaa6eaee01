"""Dense correspondence: keypoints found by self-supervised descriptors, and an MLP on them."""

from visuomotor.policies.dense.config import DensePolicyConfig
from visuomotor.policies.dense.policy import DensePolicy, load

__all__ = ["DensePolicy", "DensePolicyConfig", "load"]
