"""From what is seen and the robot's state to an action; shared by the families that clone."""

from visuomotor.policies.heads.acting import HeadRunner, action_of
from visuomotor.policies.heads.config import HeadConfig
from visuomotor.policies.heads.head import PolicyHead
from visuomotor.policies.heads.robot import POINTING_DOWN, RobotInputs, robot_inputs
from visuomotor.policies.heads.scales import Scales

__all__ = [
    "POINTING_DOWN",
    "HeadConfig",
    "HeadRunner",
    "PolicyHead",
    "RobotInputs",
    "Scales",
    "action_of",
    "robot_inputs",
]
