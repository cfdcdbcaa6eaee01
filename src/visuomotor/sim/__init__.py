"""MuJoCo worlds, tasks, scripted experts and rendering; no ROS, no torch."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")  # read by mujoco when it is first imported

from visuomotor.sim.config import SimConfig
from visuomotor.sim.world import SimWorld

__all__ = ["SimConfig", "SimWorld"]
