"""Targets that stand in for a policy's node, so that single ones can be spoilt."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from geometry_msgs.msg import PoseStamped

from visuomotor.bench.control.cell import PERIOD_S, ControlCell
from visuomotor.bench.control.faults import Scene
from visuomotor.ros import messages

Alter = Callable[[PoseStamped], PoseStamped]


class StandIn:
    """Streams the scene's triangle at 20 Hz in a thread, each target through `alter`."""

    def __init__(self, cell: ControlCell, launch: int) -> None:
        self._cell, self._launch = cell, launch
        self.alter: Alter | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begins where the arm stands."""
        self.stop()
        self.alter = None
        self._stopped = threading.Event()
        scene = Scene(self._cell, self._launch)
        self._thread = threading.Thread(
            target=self._stream, args=(scene, self._stopped), name="stand-in", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Falls silent."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(5.0)
            self._thread = None

    def _stream(self, scene: Scene, stopped: threading.Event) -> None:
        begin = due = time.monotonic()
        while not stopped.wait(max(0.0, due - time.monotonic())):
            T = scene.moving(time.monotonic() - begin)
            now_ns = self._cell.get_clock().now().nanoseconds
            target, alter = messages.pose_msg(T, now_ns), self.alter
            self._cell.publish(alter(target) if alter is not None else target)
            due += PERIOD_S
