"""A blocking call in a daemon thread: it can be waited for with a bound, and be abandoned."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from visuomotor.errors import RobotError

R = TypeVar("R")


class BackgroundCall(Generic[R]):
    """Starts `function` at once; a call that never returns does not keep the process alive."""

    def __init__(self, function: Callable[[], R]) -> None:
        self._result: list[R] = []
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, args=(function,), daemon=True).start()

    def wait(self, timeout_s: float) -> bool:
        """Whether it has returned or raised within the time."""
        return self._done.wait(timeout_s)

    def result(self, timeout_s: float, what: str) -> R:
        """What it returned; raises what it raised, or RobotError naming `what` when it is late."""
        if not self.wait(timeout_s):
            raise RobotError(f"{what}: no answer for {timeout_s:g} s")
        if self._error is not None:
            raise self._error
        return self._result[0]

    def _run(self, function: Callable[[], R]) -> None:
        try:
            self._result.append(function())
        except BaseException as error:  # handed over to whoever asks for the result
            self._error = error
        finally:
            self._done.set()
