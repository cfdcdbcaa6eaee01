"""How the bridge treats its sources, the robot's state and the gripper, beside the limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visuomotor.control.limits import Limits
from visuomotor.control.wrench import WrenchLimits


@dataclass(frozen=True, kw_only=True)
class BridgeConfig(Limits, WrenchLimits):
    """The limits, and how sources, robot state and gripper are treated.

    Raises ValueError for a bound that is not positive.
    """

    require_policy_enable: bool = False  # True on hardware: the policy needs a live policy/enable
    enable_timeout_s: float = 0.2  # of both dead-men
    state_timeout_s: float = 0.2  # robot state older than this: hold
    max_tracking_error_m: float = 0.10  # measured pose farther from the reference than this ...
    max_tracking_error_rad: float = 0.7
    tracking_error_time_s: float = 0.3  # ... for this long: fault
    anchor_on_teleport: bool = False  # simulation: a reset moves the arm at once; else a fault
    gripper_tolerance_m: float = 0.002  # a smaller change of width is no new command
    joint_slow_rad: float = 0.15  # a joint nearer to its limit than this slows the hand down ...
    joint_least_share: float = 0.1  # ... to this share of the speed at the limit itself
    lead_s: float = 0.0  # what the arm lags behind its reference, and is therefore sent ahead
    catch_up_rate: float = 0.0  # 1/s: the speed that a lagging arm adds, by the distance it lags

    def __post_init__(self) -> None:
        Limits.__post_init__(self)
        WrenchLimits.__post_init__(self)
        for name in (
            "enable_timeout_s",
            "state_timeout_s",
            "max_tracking_error_m",
            "max_tracking_error_rad",
            "tracking_error_time_s",
            "gripper_tolerance_m",
            "joint_slow_rad",
            "joint_least_share",
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}: got {value}, expected a positive number")
        if not 0.0 <= self.lead_s <= 0.15:
            raise ValueError(f"lead_s: got {self.lead_s}, expected 0 to 0.15 s")
        if not 0.0 <= self.catch_up_rate <= 100.0:
            raise ValueError(f"catch_up_rate: got {self.catch_up_rate}, expected 0 to 100 per s")
        if self.joint_least_share > 1:
            raise ValueError(f"joint_least_share: got {self.joint_least_share}, expected at most 1")
