"""An operator's devices in, pose targets and dead-men out."""

from visuomotor.teleop.config import OperatorConfig, TeleopConfig
from visuomotor.teleop.dead_man import DeadMan
from visuomotor.teleop.device import Device, Reading
from visuomotor.teleop.keyboard import HeldKeys, Keyboard
from visuomotor.teleop.operator import Arm, Operator, Wish
from visuomotor.teleop.targets import DeltaTargets

__all__ = [
    "Arm",
    "DeadMan",
    "DeltaTargets",
    "Device",
    "HeldKeys",
    "Keyboard",
    "Operator",
    "OperatorConfig",
    "Reading",
    "TeleopConfig",
    "Wish",
]
