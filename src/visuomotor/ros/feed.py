"""From a node's streams to complete sets, one at a time, in a worker thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from visuomotor.contracts import SyncedFrame


class LatestFrameWorker:
    """Calls `work(frame)` for the newest set in a worker thread; sets that came meanwhile wait
    in no queue: the newer replaces the older, which is counted in `skipped`.

    An error of `work` goes to `on_error` and the worker goes on with the next set.
    """

    def __init__(
        self, work: Callable[[SyncedFrame], Any], on_error: Callable[[Exception], None]
    ) -> None:
        self._work, self._on_error = work, on_error
        self._condition = threading.Condition()
        self._frame: SyncedFrame | None = None
        self._stopped = False
        self.skipped = 0
        self.busy_s = 0.0
        """Seconds of work for the newest set."""
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()

    def put(self, frame: SyncedFrame) -> None:
        """Hands over a set."""
        with self._condition:
            self.skipped += self._frame is not None
            self._frame = frame
            self._condition.notify()

    def stop(self) -> None:
        """Ends the thread after the set at work."""
        with self._condition:
            self._stopped = True
            self._condition.notify()
        self._thread.join(5.0)

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._frame is not None or self._stopped)
                if self._stopped:
                    return
                frame, self._frame = self._frame, None
            assert frame is not None
            start = time.monotonic()
            try:
                self._work(frame)
            except Exception as error:  # one bad set must not end the policy silently
                self._on_error(error)
            self.busy_s = time.monotonic() - start
