"""What no input may lead to: programs started, pickles read, files written elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from visuomotor.interchange.robomimic_import import READER

RUNS_CODE = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "subprocess.Popen",
    "pickle.find_class",
    "webbrowser.open",
)
"""Python's audit events (PEP 578) of what only somebody's code asks for."""
_CHANGES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod")
_BY_FOLDER = ("os.remove", "os.rmdir")
_WRITES = os.O_WRONLY | os.O_RDWR
_ELSEWHERE = ("/dev/null", "/proc/self/", "/dev/shm/")

_OWN_READER = [sys.executable, "-m", READER]
"""The process that reads a robomimic file for us, whatever the file holds."""


class Guard:
    """Notes such events while it `watches`; once in a process, for it cannot be taken off."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder.resolve()}{os.sep}"
        self._watching = False
        self.noted: list[str] = []
        sys.addaudithook(self._hear)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Notes from here to the end of the block."""
        self.noted.clear()
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        if event == "subprocess.Popen" and list(arguments[1][:3]) == _OWN_READER:
            return
        if event in RUNS_CODE:
            self.noted.append(f"{event} was called")
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            self._check(event, arguments[0])
        elif event in _CHANGES:
            opened = any(isinstance(a, int) and a >= 0 for a in arguments[1:])  # relative to it
            if not (opened and event in _BY_FOLDER):
                self._check(event, arguments[0])

    def _check(self, event: str, path: Any) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        where = os.path.abspath(os.fsdecode(path))
        if not (f"{where}{os.sep}".startswith(self._folder) or where.startswith(_ELSEWHERE)):
            self.noted.append(f"{event} outside the case's folder")
