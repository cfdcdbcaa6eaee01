"""The settings that every operator's device shares, and those of single devices."""

from __future__ import annotations

import math
from dataclasses import dataclass

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M
from visuomotor.errors import unknown_name
from visuomotor.teleop.frame import Frame
from visuomotor.teleop.gripper import GripperSwitch
from visuomotor.teleop.targets import DeltaTargets

DEVICES = ("spacemouse", "gamepad", "phone", "relay")


@dataclass(frozen=True, kw_only=True)
class OperatorConfig:
    """How fast an operator moves the arm. Raises ValueError for what is out of bounds."""

    speed: float = 0.1  # m/s, at full deflection, and the most that a pose is followed with
    angular_speed: float = 0.5  # rad/s
    rate_hz: float = 20.0
    closed_width_m: float = 0.0
    open_width_m: float = MAX_GRIPPER_WIDTH_M
    leash_m: float = 0.03  # the target stays so near to the measured pose
    leash_rad: float = 0.25

    def __post_init__(self) -> None:
        positive(self, "speed", "angular_speed")
        if not 10.0 <= self.rate_hz <= 100.0:
            raise ValueError(f"rate_hz: got {self.rate_hz}, expected 10 to 100")
        GripperSwitch("toggle", self.closed_width_m, self.open_width_m)
        DeltaTargets(self.leash_m, self.leash_rad)


@dataclass(frozen=True, kw_only=True)
class TeleopConfig(OperatorConfig):
    """One device and what its axes and buttons mean; "" and (): as the device has it."""

    device: str = ""  # spacemouse, gamepad, phone or relay
    axes: tuple[str, ...] = ()  # six: which of the device's axes moves x y z rx ry rz
    frame: str = "base"  # or hand
    operator_yaw_rad: float = 0.0  # 0: you look along the base's x; pi: you face the robot
    gripper: str = "toggle"  # hold: closed while the button is down; none
    timeout_s: float = 0.3  # a phone, relay or spacemouse that is silent so long is let go
    # spacemouse, gamepad
    index: int = 0  # of several devices
    dead_zone: float = 0.08  # of a full deflection
    expo: float = 0.4  # 0: linear, 1: cubic
    dead_man: str = ""  # a button, or motion: any deflection
    gripper_button: str = ""
    policy_button: str = ""
    motion_hold_s: float = 0.3  # with dead_man motion: held so long after the last deflection
    # phone, relay
    scale: float = 1.0  # of the device's translation
    rotation_scale: float = 1.0
    max_lag_s: float = 0.5  # a message that took longer is refused
    host: str = "127.0.0.1"  # anything else: with TLS and a token
    port: int = 8443
    token: str = ""  # empty: a new one at every start
    relative: bool = False  # a relay's messages are steps, not poses

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.device not in DEVICES:
            raise ValueError(f"device: {unknown_name('device', self.device, DEVICES)}")
        Frame(self.frame, self.operator_yaw_rad)
        GripperSwitch(self.gripper, self.closed_width_m, self.open_width_m)
        positive(self, "timeout_s", "motion_hold_s", "scale", "max_lag_s")
        if not (math.isfinite(self.rotation_scale) and self.rotation_scale >= 0):
            raise ValueError(f"rotation_scale: got {self.rotation_scale}, expected 0 or more")
        if self.timeout_s > 1.0:
            raise ValueError(f"timeout_s: got {self.timeout_s}, expected at most 1 s")
        if not (0.0 <= self.dead_zone < 1.0 and 0.0 <= self.expo <= 1.0):
            raise ValueError(
                f"dead_zone, expo: got {self.dead_zone} and {self.expo}, expected 0 to below 1, "
                "and 0 to 1"
            )
        if self.index < 0 or not 0 <= self.port <= 65535:
            raise ValueError(
                f"index, port: got {self.index} and {self.port}, expected 0 or more, and a port"
            )
        if self.token and len(self.token) < 8:
            raise ValueError("token: got fewer than 8 characters, expected more, or none")


def positive(config: object, *names: str) -> None:
    """Raises ValueError for the first of these fields that is no positive number."""
    for name in names:
        value = getattr(config, name)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name}: got {value}, expected a positive number")
