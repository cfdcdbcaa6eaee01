"""How the libfranka backend connects, how stiff it is and when it stops."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from visuomotor.control.backends.contact_config import ContactConfig
from visuomotor.control.backends.gripper_config import GripperConfig


@dataclass(frozen=True, kw_only=True)
class LibfrankaConfig(ContactConfig, GripperConfig):
    """Raises ValueError for a value that is not positive and finite, or a missing hostname.

    yield_m, yield_rad: an arm that a wrench has stopped holds where it was stopped; pushed farther
    away than this it gives way, and stays.
    """

    robot_hostname: str = "172.16.0.2"
    ignore_realtime: bool = False  # only for a simulated arm
    translational_stiffness: float = 800.0  # N/m
    rotational_stiffness: float = 40.0  # Nm/rad
    translational_error_clip_m: float = 0.03  # bounds the force of a blocked arm
    rotational_error_clip_rad: float = 0.3
    yield_m: float = 0.02
    yield_rad: float = 0.2
    reference_timeout_s: float = 0.1  # no reference for this long: the twist is dropped
    state_rate_hz: float = 200.0
    connect_timeout_s: float = 5.0
    start_wait_s: float = 0.0  # an arm that refuses at first is asked again for so long
    stop_timeout_s: float = 2.0

    def __post_init__(self) -> None:
        ContactConfig.__post_init__(self)
        GripperConfig.__post_init__(self)
        if not self.robot_hostname.strip():
            raise ValueError("robot_hostname: got nothing, expected the robot's address")
        for field in fields(LibfrankaConfig):
            value = getattr(self, field.name)
            if field.name == "start_wait_s" and value == 0:
                continue
            if isinstance(value, float) and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}: got {value}, expected a positive number")
