"""Device deltas in, pose targets and a dead-man out."""

from visuomotor.teleop.dead_man import DeadMan
from visuomotor.teleop.keyboard import HeldKeys
from visuomotor.teleop.targets import DeltaTargets

__all__ = ["DeadMan", "DeltaTargets", "HeldKeys"]
