"""A gamepad that SDL itself simulates: to every reader in this process it is a real one."""

from __future__ import annotations

import ctypes
from pathlib import Path

from visuomotor.teleop.gamepad import AXES, BUTTONS, load_pygame

UNKNOWN, GAMECONTROLLER = 0, 1  # SDL_JoystickType


class VirtualGamepad:
    """Attached at once; `axis` and `button` are its sticks and buttons by name.

    kind: UNKNOWN has no layout that SDL knows.
    """

    def __init__(self, kind: int = GAMECONTROLLER) -> None:
        pygame = load_pygame()
        pygame.display.init()
        pygame.joystick.init()
        maps = Path("/proc/self/maps").read_text().splitlines()
        (library,) = {line.split()[-1] for line in maps if "libSDL2-2" in line}
        self._sdl = sdl = ctypes.CDLL(library)
        sdl.SDL_JoystickOpen.restype = ctypes.c_void_p
        pad = ctypes.c_void_p
        sdl.SDL_JoystickSetVirtualAxis.argtypes = [pad, ctypes.c_int, ctypes.c_int16]
        sdl.SDL_JoystickSetVirtualButton.argtypes = [pad, ctypes.c_int, ctypes.c_uint8]
        self._index = sdl.SDL_JoystickAttachVirtual(kind, len(AXES), len(BUTTONS), 0)
        assert self._index == 0, "another gamepad is attached"
        self._pad = pad(sdl.SDL_JoystickOpen(self._index))

    def axis(self, name: str, value: float) -> None:
        """-1 to 1."""
        self._sdl.SDL_JoystickSetVirtualAxis(self._pad, AXES.index(name), round(value * 32767))

    def button(self, name: str, down: bool) -> None:
        self._sdl.SDL_JoystickSetVirtualButton(self._pad, BUTTONS.index(name), down)

    def unplug(self) -> None:
        index, self._index = self._index, -1
        if index >= 0:
            self._sdl.SDL_JoystickDetachVirtual(index)

    def close(self) -> None:
        self.unplug()
        self._sdl.SDL_JoystickClose(self._pad)
