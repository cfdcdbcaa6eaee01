"""Policies of LeRobot (ACT, Diffusion Policy) behind the interface of our own; docs/lerobot.md."""

from visuomotor.policies.lerobot.policy import LeRobotPolicy, load

__all__ = ["LeRobotPolicy", "load"]
