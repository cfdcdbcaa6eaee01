"""A hand without an arm among one or two cylinders: the world in which skills are learned.

Petrik, Tapaswi, Laptev and Sivic 2020: Learning Object Manipulation Skills via Approximate State
Estimation from Real Videos, section 4.2.
"""

from visuomotor.sim.gripper.benchmark import BENCHMARKS, draw_starts, read_starts, write_starts
from visuomotor.sim.gripper.model import CONTROL_HZ
from visuomotor.sim.gripper.pictures import GripperPictures
from visuomotor.sim.gripper.poses import hand_rotation
from visuomotor.sim.gripper.starts import OPENING_M, Starts
from visuomotor.sim.gripper.worlds import ACTIONS, GripperState, GripperWorlds, Leave

__all__ = [
    "ACTIONS",
    "BENCHMARKS",
    "CONTROL_HZ",
    "OPENING_M",
    "GripperPictures",
    "GripperState",
    "GripperWorlds",
    "Leave",
    "Starts",
    "draw_starts",
    "hand_rotation",
    "read_starts",
    "write_starts",
]
