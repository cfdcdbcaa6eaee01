"""Devices by name, each with what its readings need to become targets."""

from __future__ import annotations

from collections.abc import Callable

from visuomotor.teleop.axes import POSE_AXES, AxisMap
from visuomotor.teleop.clutch import Clutch
from visuomotor.teleop.config import TeleopConfig
from visuomotor.teleop.device import Device
from visuomotor.teleop.frame import Frame
from visuomotor.teleop.operator import Operator
from visuomotor.teleop.phone.phone import Phone
from visuomotor.teleop.phone.server import PhoneServer
from visuomotor.teleop.relay import Relay
from visuomotor.teleop.stick import Stick

PHONE_AXES = ("-z", "-x", "y", "-rz", "-rx", "ry")
"""WebXR's x right, y up, z backwards as the base's x forward, y left, z up."""


def make_device(config: TeleopConfig, clock: Callable[[], int]) -> Device:
    """Opens the configured device; clock: monotonic nanoseconds.

    Raises MissingDependencyError without its library, RobotError where there is none, ConfigError
    for axes and buttons that it lacks.
    """
    if config.device == "relay":
        return Relay(config.relative, config.timeout_s, config.max_lag_s)
    if config.device == "phone":
        phone = Phone(config.timeout_s, config.max_lag_s)
        return PhoneServer(phone, clock, config.host, config.port, config.token)
    if config.device == "gamepad":
        from visuomotor.teleop.gamepad import Gamepad

        return Stick(Gamepad(config.index), config)
    from visuomotor.teleop.spacemouse import SpaceMouse

    return Stick(SpaceMouse(config.index, config.timeout_s), config)


def make_operator(config: TeleopConfig) -> Operator:
    """The operator of that device. Raises ConfigError for axes that its poses lack."""
    frame = Frame(config.frame, config.operator_yaw_rad)
    clutch = None
    if config.device in ("phone", "relay"):
        rows = config.axes or (PHONE_AXES if config.device == "phone" else POSE_AXES)
        clutch = Clutch(AxisMap(rows, POSE_AXES), frame, config.scale, config.rotation_scale)
    return Operator(config, clutch, frame, config.gripper)
