"""A Franka hand in a thread of its own: the newest wish wins, and nobody waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from visuomotor.control.backends.background_call import BackgroundCall
from visuomotor.control.backends.gripper_config import GripperConfig
from visuomotor.control.backends.gripper_motion import GripperMotion, motion_to

LOGGER = logging.getLogger(__name__)
POLL_S = 0.03
STOP_S = 2.0


class Hand(Protocol):
    """What the worker needs of a hand: franky's Gripper, or franka_gripper's actions.

    move, grasp and homing block until the motion ended and tell whether it reached its goal;
    what they raise is reported. stop, called from another thread, ends such a motion.
    """

    @property
    def state(self) -> Any:
        """Has the full `width` in m; NaN while it is not known."""

    def move(self, width: float, speed: float, /) -> bool:
        """Opens or closes without pressing."""

    def grasp(
        self, width: float, speed: float, force: float, inner: float, outer: float, /
    ) -> bool:
        """Closes with force; what is held may be that much narrower or wider than width."""

    def homing(self) -> bool:
        """Closes and opens fully to find the hand's ends."""

    def stop(self) -> bool:
        """Ends what moves."""


class GripperWorker:
    """Moves a hand to the width asked for last.

    A wish that comes while the hand moves stops that motion first. What fails is kept in
    `problem` and logged: a hand that fails is no reason to stop the arm.
    """

    def __init__(self, hand: Hand, config: GripperConfig) -> None:
        self._hand = hand
        self._config = config
        self._wish: float | None = None
        self._home = False
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._closing = threading.Event()
        self.problem = ""
        self.width_m = float(hand.state.width)
        self._thread = threading.Thread(target=self._run, name="gripper", daemon=True)
        self._thread.start()

    def grip(self, width_m: float) -> None:
        """Asks for a full width in m; returns at once."""
        with self._lock:
            self._wish = width_m
        self._woken.set()

    def home(self) -> None:
        """Asks the hand to find its ends, which drops what it holds; returns at once."""
        with self._lock:
            self._wish, self._home = None, True
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
                home, self._home = self._home, False
            try:
                if home:
                    self._await("homing", self._hand.homing, self._config.homing_timeout_s)
                if wish is not None:
                    self._execute(motion_to(wish, self.width_m, self._config))
                self._read()
            except Exception as error:  # franky's exceptions share no base class but this
                self._report(f"gripper: {error}")
                self._closing.wait(0.5)

    def _execute(self, motion: GripperMotion) -> None:
        width, speed, timeout_s = motion.width_m, motion.speed, self._config.gripper_timeout_s
        if motion.force_n is None:
            what = f"move to {width * 1000:.0f} mm"
            self._await(what, lambda: self._hand.move(width, speed), timeout_s)
            return
        force, epsilon = motion.force_n, motion.epsilon_m
        self._await(
            "grasp", lambda: self._hand.grasp(width, speed, force, epsilon, epsilon), timeout_s
        )

    def _await(self, what: str, motion: Callable[[], bool], timeout_s: float) -> None:
        call = BackgroundCall(motion)
        deadline = time.monotonic() + timeout_s
        while not call.wait(POLL_S):
            late = time.monotonic() > deadline
            if late or self._closing.is_set() or self._newer():
                BackgroundCall(self._hand.stop).result(STOP_S, "gripper stop")
                if late:
                    self._report(f"gripper: {what}: no answer for {timeout_s:g} s; stopped")
                return  # the stopped motion's own answer may never come: it is abandoned
            self._read()
        if not call.result(0.0, "gripper"):
            self._report(f"gripper: {what} did not succeed")
        else:
            self.problem = ""

    def _newer(self) -> bool:
        with self._lock:
            return self._wish is not None or self._home

    def _read(self) -> None:
        self.width_m = float(self._hand.state.width)

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            LOGGER.warning("%s", problem)
        self.problem = problem
