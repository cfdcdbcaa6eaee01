"""EE-PointBC: behaviour cloning on a coloured point cloud in the gripper's frame."""

from visuomotor.policies.pointbc.config import CloudConfig, PointBCConfig
from visuomotor.policies.pointbc.policy import PointBCPolicy, load

__all__ = ["CloudConfig", "PointBCConfig", "PointBCPolicy", "load"]
