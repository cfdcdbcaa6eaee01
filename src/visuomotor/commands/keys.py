"""Keys typed into a terminal, one at a time, arrows by name."""

from __future__ import annotations

import os
import re
import select
import termios
import tty
from collections import deque
from types import TracebackType
from typing import Any

_NAMES = {"A": "up", "B": "down", "C": "right", "D": "left"}
_KEY = re.compile(r"\x1b[\[O]([A-D])|\x1b(?:[\[O][0-9;]*[A-Za-z~])?|(.)", re.DOTALL)


class Keys:
    """Reads keys without waiting for Enter; Ctrl-C still interrupts.

    Of a file that is no terminal, its characters are the keys. As a context, it puts the terminal
    back as it was found.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._typed: deque[str] = deque()
        self._before: list[Any] | None = None

    def __enter__(self) -> Keys:
        if os.isatty(self._fd):
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)

    def read(self, timeout_s: float | None = None) -> str:
        """The next key: a character, up, down, left, right, "enter", or "end" of the file.

        "" where none was typed within timeout_s; None waits.
        """
        while not self._typed:
            if not select.select([self._fd], [], [], timeout_s)[0]:
                return ""
            data = os.read(self._fd, 256)
            if not data:
                return "end"
            self._typed.extend(keys_in(data.decode(errors="ignore")))
        return self._typed.popleft()


def keys_in(text: str) -> list[str]:
    """What was typed, key by key; keys that have no meaning here are left out."""
    found = []
    for arrow, character in _KEY.findall(text):
        if arrow:
            found.append(_NAMES[arrow])
        elif character:
            found.append("enter" if character in "\r\n" else character)
    return found
