"""How the crisp backend reaches the controllers beside franka_ros2, and what it waits for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visuomotor.control.backends.contact_config import ContactConfig
from visuomotor.control.backends.gripper_config import GripperConfig


@dataclass(frozen=True, kw_only=True)
class CrispConfig(ContactConfig, GripperConfig):
    """Names are relative to the node's namespace, as franka_ros2 and CRISP give them.

    Raises ValueError for a missing name and for a time or gap that is not positive.
    """

    controller: str = "cartesian_impedance_controller"  # CRISP's, which follows target_pose
    broadcasters: tuple[str, ...] = (  # what tells the arm's state; recovered before the controller
        "joint_state_broadcaster",
        "franka_robot_state_broadcaster",
        "pose_broadcaster",
    )
    controller_manager: str = "controller_manager"
    hardware_component: str = ""  # empty: the only one of type `system`
    recovery_action: str = "action_server/error_recovery"
    gripper_node: str = "franka_gripper"  # before franka_ros2 v2: fr3_gripper
    check_frames: bool = True  # CRISP's own pose must agree with current_pose before anything moves
    frame_gap_m: float = 0.01
    frame_gap_rad: float = 0.05
    controller_timeout_s: float = 30.0  # for the controller to come up
    recovery_timeout_s: float = 10.0  # for each step of a recovery

    def __post_init__(self) -> None:
        ContactConfig.__post_init__(self)
        GripperConfig.__post_init__(self)
        for name in ("controller", "controller_manager", "recovery_action", "gripper_node"):
            if not getattr(self, name).strip("/ "):
                raise ValueError(f"{name}: got nothing, expected a name")
        for name in ("frame_gap_m", "frame_gap_rad", "controller_timeout_s", "recovery_timeout_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}: got {value}, expected a positive number")
