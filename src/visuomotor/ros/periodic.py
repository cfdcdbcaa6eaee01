"""Work at a steady rate in a thread of its own.

An executor's timer costs some 0.3 ms a call here, whatever it calls, and waits for the callbacks
before it; a thread that sleeps until its next deadline costs a tenth of that and waits for nobody.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.node import Node


class PeriodicThread:
    """Calls `step` every period_s at absolute deadlines until `stop`.

    Where it falls behind it makes up for one call at most. What `step` raises ends the thread, and
    is raised again by the executor that spins the node, as if a callback had failed.
    """

    def __init__(
        self, node: Node, period_s: float, step: Callable[[], object], name: str = "periodic"
    ) -> None:
        self._period_s, self._step = period_s, step
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._guard = node.create_guard_condition(self._raise)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ends the thread after the call at work; it is then gone, unless that took too long."""
        self._stopped.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        due = time.monotonic()
        try:
            while not self._stopped.is_set():
                self._step()
                now = time.monotonic()
                due = max(due + self._period_s, now - self._period_s)
                self._stopped.wait(max(0.0, due - now))
        except BaseException as error:
            self._error = error
            if not self._stopped.is_set():
                self._guard.trigger()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error
