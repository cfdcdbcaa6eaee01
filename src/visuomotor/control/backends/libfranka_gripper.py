"""The Franka hand in a thread of its own: the newest wish wins, and nobody waits for it."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M
from visuomotor.control.backends.background_call import BackgroundCall
from visuomotor.control.backends.libfranka_config import LibfrankaConfig

LOGGER = logging.getLogger(__name__)
POLL_S = 0.03


class GripperWorker:
    """Moves a franky Gripper (duck-typed) to the width asked for last.

    A wish that comes while the hand moves stops that motion first. What fails is kept in
    `problem` and logged: a hand that fails is no reason to stop the arm.
    """

    def __init__(self, gripper: Any, config: LibfrankaConfig) -> None:
        self._gripper = gripper
        self._config = config
        self._wish: float | None = None
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closing = threading.Event()
        self.problem = ""
        self.width_m = float(gripper.state.width)
        self._thread = threading.Thread(target=self._run, name="gripper", daemon=True)
        self._thread.start()

    def grip(self, width_m: float) -> None:
        """Asks for a full width in m; returns at once."""
        with self._lock:
            self._wish = min(max(width_m, 0.0), MAX_GRIPPER_WIDTH_M)
        self._woken.set()

    def close(self, timeout_s: float) -> None:
        """Ends the thread; a hand that holds something goes on holding it."""
        self._closing.set()
        self._woken.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.wait(POLL_S)
            self._woken.clear()
            with self._lock:
                wish, self._wish = self._wish, None
            try:
                if wish is not None:
                    self._execute(wish)
                self._read()
            except Exception as error:  # franky's exceptions share no base class but this
                self._report(f"gripper: {error}")
                self._closing.wait(0.5)

    def _execute(self, width_m: float) -> None:
        config = self._config
        if width_m <= config.grasp_below_m and width_m < self.width_m:
            # Width 0 and a wide epsilon: the hand presses until something is between the fingers.
            wide = MAX_GRIPPER_WIDTH_M
            motion = BackgroundCall(
                lambda: self._gripper.grasp(
                    0.0, config.gripper_speed, config.gripper_force_n, wide, wide
                )
            )
        else:
            motion = BackgroundCall(lambda: self._gripper.move(width_m, config.gripper_speed))
        deadline = time.monotonic() + config.gripper_timeout_s
        while not motion.wait(POLL_S):
            late = time.monotonic() > deadline
            if late or self._closing.is_set() or self._newer():
                BackgroundCall(self._gripper.stop).result(1.0, "gripper stop")
                if late:
                    self._report(f"gripper: no answer for {config.gripper_timeout_s} s; stopped")
                return  # the stopped motion's own answer may never come: it is abandoned
            self._read()
        if not motion.result(0.0, "gripper"):
            self._report(f"gripper: could not reach {width_m * 1000:.0f} mm")
        else:
            self.problem = ""

    def _newer(self) -> bool:
        with self._lock:
            return self._wish is not None

    def _read(self) -> None:
        self.width_m = float(self._gripper.state.width)

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            LOGGER.warning("%s", problem)
        self.problem = problem
