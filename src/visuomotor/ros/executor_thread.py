"""An executor that a thread of its own spins, and that ends in good order."""

from __future__ import annotations

import contextlib
import threading

from rclpy.executors import Executor, ExternalShutdownException


class ExecutorThread:
    """Spins `executor` from now on, until `close`.

    Unlike Executor.spin ended by Executor.shutdown: that takes the executor's guard condition away
    while its last callback may still be about to trigger it.
    """

    def __init__(self, executor: Executor, name: str | None = None) -> None:
        self._executor, self._closing = executor, threading.Event()
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still spins."""
        return self._thread.is_alive()

    def close(self, timeout_s: float = 2.0) -> None:
        """Ends thread and executor, waiting so long at most for a callback that is running."""
        self._closing.set()
        if self._thread.is_alive():
            self._executor.create_task(lambda: None)  # it wakes up
            self._thread.join(timeout_s)
        self._executor.shutdown(timeout_s)

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            while not self._closing.is_set():
                self._executor.spin_once(timeout_sec=0.5)
