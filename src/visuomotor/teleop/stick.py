"""Spring-centred sticks and caps with buttons: what their axes and buttons mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from visuomotor.errors import ConfigError, unknown_name
from visuomotor.teleop.axes import AxisMap, no_faster_on_diagonals, shaped
from visuomotor.teleop.config import TeleopConfig
from visuomotor.teleop.device import Reading, SilentDevice

MOTION = "motion"
"""The dead-man that is any deflection: for what springs back to its centre."""


@dataclass(frozen=True)
class Deflection:
    """The state of axes and buttons; clicks: how often each was pressed since the last one."""

    axes: Mapping[str, float] = field(default_factory=dict)  # -1 to 1; absent: 0
    pressed: frozenset[str] = frozenset()
    clicks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Meaning:
    """What a device's axes and buttons mean where the configuration does not say."""

    axes: tuple[str, ...]  # as TeleopConfig.axes
    dead_man: str
    gripper_button: str
    policy_button: str


class Controls(Protocol):
    """A device's axes and buttons by name, as its library gives them."""

    axes: tuple[str, ...]
    buttons: tuple[str, ...]
    meaning: Meaning

    def poll(self, now_ns: int) -> Deflection:
        """The state now. RobotError where the device is gone."""
        ...

    def close(self) -> None:
        """Lets the device go."""
        ...


class Stick(SilentDevice):
    """A `Device` from controls: rates with dead zone and expo, dead-man, gripper and policy.

    A button may stand in `axes` like an axis that is 0 or 1. Raises ConfigError for names that
    the controls lack, naming the near ones.
    """

    def __init__(self, controls: Controls, config: TeleopConfig) -> None:
        meaning = controls.meaning
        names = (*controls.axes, *controls.buttons)
        self._controls, self._config = controls, config
        self._map = AxisMap(config.axes or meaning.axes, names)
        self._dead_man = config.dead_man or meaning.dead_man
        self._gripper = config.gripper_button or meaning.gripper_button
        self._policy = config.policy_button or meaning.policy_button
        for role in ("dead_man", "gripper_button", "policy_button"):
            name = getattr(config, role) or getattr(meaning, role)
            known = (*controls.buttons, MOTION) if role == "dead_man" else controls.buttons
            if name not in known:
                raise ConfigError(f"{role}: {unknown_name('button', name, known)}")
        self._hold_ns = round(config.motion_hold_s * 1e9)
        self._moved_ns: int | None = None

    def read(self, now_ns: int) -> Reading:
        """What the deflection asks for."""
        now, config = self._controls.poll(now_ns), self._config
        axes = [now.axes.get(name, 0.0) for name in self._controls.axes]
        pressed = [float(name in now.pressed) for name in self._controls.buttons]
        values = np.array([*shaped(axes, config.dead_zone, config.expo), *pressed])
        rate = no_faster_on_diagonals(self._map(values))
        toggles, grip = now.clicks.get(self._gripper, 0), self._gripper in now.pressed
        if self._dead_man == MOTION:
            held = self._moves(bool(rate.any()) or toggles > 0 or grip, now_ns)
        else:
            held = self._dead_man in now.pressed
        return Reading(held, rate, toggles=toggles, grip=grip, policy=self._policy in now.pressed)

    def close(self) -> None:
        """Lets the controls go."""
        self._controls.close()

    def _moves(self, active: bool, now_ns: int) -> bool:
        if active:
            self._moved_ns = now_ns
        return self._moved_ns is not None and 0 <= now_ns - self._moved_ns <= self._hold_ns
