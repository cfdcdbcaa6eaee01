"""Single key presses from a terminal, which is put back as it was found."""

from __future__ import annotations

import atexit
import os
import select
import termios
import tty
from typing import Any

from visuomotor.errors import RobotError


class Terminal:
    """Reads keys without waiting for Enter; Ctrl-C still interrupts.

    Raises RobotError where the file is no terminal. `close` (also at exit) restores its modes.
    """

    def __init__(self, fd: int) -> None:
        if not os.isatty(fd):
            raise RobotError(
                "keyboard teleoperation needs a terminal: got an input that is none; run "
                "teleop_keyboard in a terminal of its own, not from a launch file"
            )
        self._fd = fd
        self._before: list[Any] | None = termios.tcgetattr(fd)
        tty.setcbreak(fd)
        atexit.register(self.close)

    def read(self) -> str:
        """The characters typed since the last call; "" if none. Arrow keys come as Esc alone."""
        typed = b""
        while self._before is not None and select.select([self._fd], [], [], 0.0)[0]:
            chunk = os.read(self._fd, 256)
            if not chunk:  # the terminal is gone
                break
            typed += chunk
        text = typed.decode(errors="ignore")
        return "\x1b" if "\x1b" in text else text

    def close(self) -> None:
        """Restores the terminal; may be called again."""
        before, self._before = self._before, None
        if before is not None:
            atexit.unregister(self.close)
            termios.tcsetattr(self._fd, termios.TCSADRAIN, before)
