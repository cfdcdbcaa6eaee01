"""Targets with every kind of defect, for the fuzzer's own test."""

import contextlib
import faulthandler
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from visuomotor.bench.fuzzing.target import Target
from visuomotor.errors import DataError, MissingDependencyError


def _target(use: Callable[[bytes], object]) -> Target:
    def make(rng: Random) -> bytes:
        return bytes([rng.randrange(256)])

    return Target(make, lambda data: use(data) and None)


def leaks(folder: Path) -> Target:
    """Refuses small numbers, and lets a KeyError of large ones through."""

    def use(data: bytes) -> None:
        if data[0] < 128:
            raise DataError("too small")
        if data[0] > 200:
            {}[data[0]]

    return _target(use)


def loops(folder: Path) -> Target:
    """Never comes back."""

    def use(data: bytes) -> None:
        while True:
            pass

    return _target(use)


def waits(folder: Path) -> Target:
    """Waits for what never comes, without using the processor."""
    return _target(lambda _: time.sleep(1000))


def dies(folder: Path) -> Target:
    """Takes its process with it."""
    return _target(lambda _: faulthandler._sigsegv())  # type: ignore[attr-defined]


def hoards(folder: Path) -> Target:
    """Takes more memory than a case may."""
    return _target(lambda _: bytearray(b"a") * 60_000_000)


def runs(folder: Path) -> Target:
    """Starts a program."""
    return _target(lambda _: subprocess.run(["true"], check=True))


def writes(folder: Path) -> Target:
    """Would write elsewhere than in its folder."""

    def use(data: bytes) -> None:
        with contextlib.suppress(OSError):
            os.mkdir("/proc/elsewhere")

    return _target(use)


def bombs(folder: Path) -> Target:
    """Says too much."""

    def use(data: bytes) -> None:
        raise DataError("a" * 200_000)

    return _target(use)


def lacks(folder: Path) -> Target:
    """Needs what is not installed."""
    raise MissingDependencyError("not here")
