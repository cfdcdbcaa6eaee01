"""A gamepad through SDL (pygame), by the names that SDL gives to every pad's axes and buttons."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.teleop.stick import Deflection, Meaning

# In SDL's order. Sticks: right and down are positive; triggers: 0 to 1.
AXES: tuple[str, ...] = ("left_x", "left_y", "right_x", "right_y", "left_trigger", "right_trigger")
BUTTONS: tuple[str, ...] = (
    "a", "b", "x", "y", "back", "guide", "start", "left_stick", "right_stick",
    "left_shoulder", "right_shoulder", "dpad_up", "dpad_down", "dpad_left", "dpad_right",
)  # fmt: skip
MEANING = Meaning(
    axes=(
        "-left_y",
        "-left_x",
        "right_trigger-left_trigger",
        "dpad_right-dpad_left",
        "-right_y",
        "-right_x",
    ),
    dead_man="left_shoulder",
    gripper_button="a",
    policy_button="right_shoulder",
)
_FULL = 32767.0


class Gamepad:
    """The pad's `Controls`; SDL needs no screen, and reads it whatever window has the focus.

    Raises MissingDependencyError without pygame, RobotError where there is no such pad, or none
    that SDL knows; `poll` raises RobotError when the pad is pulled out.
    """

    axes, buttons, meaning = AXES, BUTTONS, MEANING

    def __init__(self, index: int = 0) -> None:
        self._pygame = pygame = load_pygame()
        from pygame._sdl2 import controller

        pygame.display.init()
        pygame.joystick.init()
        controller.init()
        pygame.event.pump()
        count = controller.get_count()
        if index >= count:
            raise RobotError(
                f"gamepad: got index {index}, but SDL sees {count}; plug one in (and let your "
                "user read /dev/input: group input)"
            )
        if not controller.is_controller(index):
            name = pygame.joystick.Joystick(index).get_name()
            raise RobotError(
                f"gamepad: SDL knows no layout of {name!r}; give one in SDL_GAMECONTROLLERCONFIG"
            )
        self._pad: Any = controller.Controller(index)
        self.name = str(self._pad.name)
        self._id = self._pad.as_joystick().get_instance_id()

    def poll(self, now_ns: int) -> Deflection:
        """The state of axes and buttons, and every press since the last call."""
        pygame, clicks = self._pygame, Counter[str]()
        for event in pygame.event.get():
            if getattr(event, "instance_id", None) != self._id:
                continue
            if event.type == pygame.CONTROLLERBUTTONDOWN and event.button < len(BUTTONS):
                clicks[BUTTONS[event.button]] += 1
        if not self._pad.attached():
            raise RobotError(f"gamepad {self.name!r} is gone; plug it in and start again")
        axes = {n: max(-1.0, self._pad.get_axis(i) / _FULL) for i, n in enumerate(AXES)}
        pressed = frozenset(n for i, n in enumerate(BUTTONS) if self._pad.get_button(i))
        return Deflection(axes, pressed, clicks)

    def close(self) -> None:
        """Lets the pad go."""
        self._pad.quit()


def load_pygame() -> Any:
    """The library, set up for a machine without a screen; MissingDependencyError without it."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_JOYSTICK_ALLOW_BACKGROUND_EVENTS", "1")
    os.environ.setdefault("SDL_NO_SIGNAL_HANDLERS", "1")  # Ctrl-C is the node's
    try:
        import pygame
    except ImportError:
        raise MissingDependencyError(
            "gamepad: pygame is not installed; pip install 'visuomotor[teleop]'"
        ) from None
    return pygame
