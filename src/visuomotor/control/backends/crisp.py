"""CRISP's CartesianController beside franka_ros2: it follows a pose and trusts whoever sends it.

That controller ignores targets while two nodes publish them, never times out, and checks neither
frame nor size of a target. So all of that is checked here and by the bridge: nothing is sent
before its pose and ours agree, and a second publisher ends the sending until the operator resets.
It also deactivates the controller, which may have taken a target of the other one's before it
noticed, and would go there however long that takes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from visuomotor.contracts import Float64, RobotState
from visuomotor.control.backends.crisp_config import CrispConfig
from visuomotor.control.backends.gripper import GripperWorker, Hand
from visuomotor.control.backends.recovery import Controllers, recover
from visuomotor.control.tracking import length, turn
from visuomotor.control.wrench import WrenchWatch
from visuomotor.errors import MissingDependencyError, RobotError, VisuomotorError
from visuomotor.slow import no_real_arm, slowed

LOGGER = logging.getLogger(__name__)
WATCH_S = 0.01
LOOKS = 10
"""The graph is looked at once in so many times; wrenches every time."""
STOP_S = 2.0
POSE_S = 1.0
ANCHOR_S = 0.2
"""For a target to reach the controller: topic and service are not ordered."""


class CrispLink(Protocol):
    """The topics between the bridge and the controller."""

    def publish(self, pose: Float64) -> None:
        """Sends a target pose (4, 4) in base."""

    def rivals(self) -> Sequence[str]:
        """The other nodes that publish targets, by name."""

    def listeners(self) -> int:
        """How many nodes follow the targets."""

    def controller_pose(self) -> Float64 | None:
        """The end effector (4, 4) in base as the controller computes it; None: nothing new."""

    def wrench(self) -> Float64 | None:
        """The newest external wrench (6,) on the hand; None: none since the last call."""


class CrispBackend:
    """Sends references to the controller while it is the only one that does.

    The robot's state does not come through here: the node reads it from franka_ros2's topics.
    A watching thread looks for rivals, lost listeners and external wrench.
    """

    def __init__(
        self,
        config: CrispConfig,
        link: CrispLink,
        driver: Controllers,
        hand: Hand | None = None,
    ) -> None:
        self.config = config
        self._link, self._driver, self._hand = link, driver, hand
        self._gripper: GripperWorker | None = None
        self._driving = threading.Lock()  # of _driver
        self._contact = WrenchWatch(config)
        self._fault = ""
        self._mute = True  # nothing is sent: not started, not agreed, or not alone
        self._agreed = False
        self._asked_s = 0.0
        self._closing = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def fault(self) -> str:
        """Why the arm stopped following; "" while all is well."""
        return self._fault

    @property
    def gripper_problem(self) -> str:
        """What the hand failed at last; "" while all is well."""
        return self._gripper.problem if self._gripper else ""

    def start(self) -> None:
        """Waits for the controller to listen and to tell its pose, and sends nothing yet.

        Raises RobotError when nobody listens in time or somebody else commands the controller.
        """
        if self._watcher is not None:
            raise RobotError("crisp: already started; stop() first")
        if slowed():
            raise RobotError(no_real_arm("crisp: the controllers"))
        end = time.monotonic() + self.config.controller_timeout_s
        while not self._link.listeners():
            if time.monotonic() > end:
                raise RobotError(
                    f"crisp: nobody listens on target_pose for {self.config.controller_timeout_s:g}"
                    f" s; is {self.config.controller} loaded and configured, in this namespace?"
                )
            time.sleep(0.05)
        if self.config.check_frames:
            self._controller_pose(max(end - time.monotonic(), 1.0))
        if rivals := self._link.rivals():
            raise RobotError(_rivalry(rivals))
        if self.config.has_gripper and self._hand is not None:
            self._gripper = GripperWorker(self._hand, self.config)
        self._listen_to_reference()
        self._closing.clear()
        self._watcher = threading.Thread(target=self._watch, name="crisp watch", daemon=True)
        self._watcher.start()

    def state(self) -> RobotState | None:
        """None: franka_ros2 publishes the state."""
        return None

    def send(self, pose: Float64, twist: Float64, acceleration: Float64 | None = None) -> None:
        """The reference's pose; never a non-finite one, and none before the frames agree."""
        if self._mute or not np.isfinite(pose).all():
            return
        if self._agreed or self._agree(pose):
            self._link.publish(pose)

    def grip(self, width_m: float) -> None:
        """Opens or closes in the background; NaN is ignored."""
        if self._gripper is not None and np.isfinite(width_m):
            self._gripper.grip(width_m)

    def home_gripper(self) -> None:
        """Lets the hand find its ends, in the background; RobotError without a hand."""
        if self._gripper is None:
            raise RobotError("crisp: no hand to home; set has_gripper, and start first")
        self._gripper.home()

    def recover(self) -> None:
        """Brings hardware and controllers back where they are not active; RobotError if it cannot.

        Without controller_manager's messages their states are unknown: then only what this
        backend itself found is cleared.
        """
        if self._watcher is None:
            raise RobotError("crisp: not started; start() first")
        if rivals := self._link.rivals():
            raise RobotError(_rivalry(rivals))
        try:
            config = self.config
            with self._driving:
                steps = recover(self._driver, config.controller, config.broadcasters, self._anchor)
            for step in steps:
                LOGGER.info("crisp: recovered: %s %s", step.kind, " ".join(step.names))
        except MissingDependencyError as error:
            LOGGER.warning("crisp: the controllers' states were not checked: %s", error)
        if not self._link.listeners():
            raise RobotError(f"crisp: nobody listens on target_pose; load {self.config.controller}")
        self._contact.reset()
        self._fault = ""
        self._listen_to_reference()

    def stop(self) -> None:
        """Sends nothing more: the controller goes on holding the last target."""
        self._mute = True
        self._closing.set()
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join(STOP_S)
        self._watcher = None
        if self._gripper is not None:
            self._gripper.close(STOP_S)
        self._gripper = None

    # --- inside ---

    def _listen_to_reference(self) -> None:
        self._agreed, self._asked_s, self._mute = False, time.monotonic(), False

    def _controller_pose(self, timeout_s: float) -> Float64:
        """A pose of the controller's own that came after this call."""
        self._link.controller_pose()  # what still waits may be old
        end = time.monotonic() + timeout_s
        while (pose := self._link.controller_pose()) is None:
            if time.monotonic() > end:
                raise RobotError(f"crisp: {_no_pose(timeout_s)}")
            time.sleep(0.01)
        return pose

    def _anchor(self) -> None:
        self._link.publish(self._controller_pose(self.config.recovery_timeout_s))
        time.sleep(ANCHOR_S)

    def _agree(self, reference: Float64) -> bool:
        """Whether the first reference, which is where the arm stands, is the controller's pose."""
        own = self._link.controller_pose() if self.config.check_frames else reference
        if own is None:
            if time.monotonic() - self._asked_s > POSE_S:
                self._fail(f"crisp: {_no_pose(POSE_S)}; then call bridge/reset", mute=True)
            return False
        far, turned = length(own[:3, 3] - reference[:3, 3]), turn(own[:3, :3], reference[:3, :3])
        self._agreed = far <= self.config.frame_gap_m and turned <= self.config.frame_gap_rad
        if not self._agreed:
            self._fail(
                f"crisp: the controller's end effector is {far * 100:.1f} cm and {turned:.2f} rad "
                "from current_pose; make its end_effector_frame and the end effector in Desk the "
                "same, then call bridge/reset",
                mute=True,
            )
        return self._agreed

    def _watch(self) -> None:
        count = 0
        while not self._closing.wait(WATCH_S):
            try:
                self._feel()
                if count % LOOKS == 0:
                    self._look()
            except Exception as error:  # the graph is being torn down
                if not self._closing.is_set():
                    self._fail(f"crisp: {error}; then call bridge/reset", mute=True)
            count += 1

    def _feel(self) -> None:
        wrench = self._link.wrench()
        if wrench is not None:
            pressed = self._contact.look(wrench, time.monotonic_ns())
            if pressed:
                self._fail(f"crisp: {pressed}", mute=False)

    def _look(self) -> None:
        if rivals := self._link.rivals():
            if self._fail(_rivalry(rivals), mute=True):
                self._deactivate()
        elif not self._link.listeners():
            self._fail(
                f"crisp: nobody listens on target_pose any more; load {self.config.controller}, "
                "then call bridge/reset",
                mute=True,
            )

    def _deactivate(self) -> None:
        name = self.config.controller
        try:
            with self._driving:
                if self._driver.controllers().get(name) == "active":
                    self._driver.switch((), (name,))
        except VisuomotorError as error:
            LOGGER.error("crisp: %s could not be deactivated: %s", name, error)

    def _fail(self, reason: str, mute: bool) -> bool:
        """Whether this is a new fault. mute: send nothing until recovered, not even braking."""
        self._mute = self._mute or mute
        if self._fault:
            return False
        LOGGER.error("%s", reason)
        self._fault = reason
        return True


def _no_pose(time_s: float) -> str:
    return (
        f"no pose of the controller's own for {time_s:.0f} s; start CRISP's pose_broadcaster and "
        "remap controller_pose to it (or unset check_frames)"
    )


def _rivalry(rivals: Sequence[str]) -> str:
    return (
        f"crisp: {' and '.join(rivals)} publish{'es' if len(rivals) == 1 else ''} target_pose too, "
        "so CRISP ignores both; stop the other one, then call bridge/reset"
    )
