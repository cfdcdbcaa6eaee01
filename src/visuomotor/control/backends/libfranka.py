"""A Franka arm over its network protocol, by franky's Cartesian impedance tracking.

Torque impedance tracking is the only stream that a protocol-strict arm accepts from a sender
without hard real time: the 1 kHz loop runs in franky's own thread and follows the newest
reference, while Cartesian position and velocity streams abort with discontinuity reflexes.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from visuomotor.contracts import Float64, RobotState
from visuomotor.control.backends.background_call import BackgroundCall
from visuomotor.control.backends.gripper import GripperWorker
from visuomotor.control.backends.libfranka_config import LibfrankaConfig
from visuomotor.control.wrench import WrenchWatch, given_way
from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.slow import is_here, no_real_arm, slowed

LOGGER = logging.getLogger(__name__)
__all__ = ["LibfrankaBackend", "LibfrankaConfig"]


class LibfrankaBackend:
    """The arm holds its last reference until it gets another; it stops on external wrench.

    A watching thread reads the state, stops the arm where the external wrench or a lost
    connection demands it, and drops the twist of a reference that nobody renews.
    """

    def __init__(self, config: LibfrankaConfig) -> None:
        self.config = config
        self._franky: Any = None
        self._robot: Any = None
        self._tracker: Any = None
        self._gripper: GripperWorker | None = None
        self._state: RobotState | None = None
        self._fault = ""
        self._lost = False
        self._lock = threading.Lock()  # of _tracker and what was sent to it
        self._sent_pose: Float64 | None = None
        self._sent_s = 0.0
        self._moving = False
        self._anchor: Float64 | None = None  # where it is held after a wrench has stopped it
        self._pressed = WrenchWatch(config)
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
        """Connects, sets the collision thresholds and holds the arm where it is.

        Raises MissingDependencyError without franky, RobotError when the arm refuses.
        """
        if self._robot is not None:
            raise RobotError("libfranka: already started; stop() first")
        if slowed() and not is_here(self.config.robot_hostname):
            raise RobotError(no_real_arm(f"libfranka: the arm at {self.config.robot_hostname}"))
        try:
            import franky
        except ImportError as error:
            raise MissingDependencyError(
                f"backend libfranka needs franky ({error}); pip install franky-control"
            ) from error
        self._franky = franky
        try:
            self._open_patiently()
            self._track()
        except Exception as error:
            self.stop()
            raise RobotError(
                f"libfranka: the arm at {self.config.robot_hostname} does not start: "
                f"{_text(error)}. Check its address, unlock the brakes and activate FCI in Desk; "
                "without a hand unset has_gripper; the kernel must be a real-time one"
            ) from error
        self._closing.clear()
        self._watcher = threading.Thread(target=self._watch, name="franka state", daemon=True)
        self._watcher.start()

    def state(self) -> RobotState | None:
        """The newest state, stamped by the robot's own clock; the last one when the arm is gone."""
        return self._state

    def send(self, pose: Float64, twist: Float64, acceleration: Float64 | None = None) -> None:
        """The reference; ignored during a fault, non-finite ones always.

        The arm's own mass at this acceleration is pushed, so that the spring need not do it.
        """
        wished = np.zeros(6) if acceleration is None else acceleration
        if self._fault or not all(np.isfinite(part).all() for part in (pose, twist, wished)):
            return
        if not self._lock.acquire(timeout=0.002):  # being stopped: the next one comes soon
            return
        try:
            if self._tracker is not None:
                self._set_target(pose, twist, wished)
                self._sent_pose, self._sent_s = pose.copy(), time.monotonic()
                self._moving = bool(np.any(twist) or np.any(wished))
        finally:
            self._lock.release()

    def grip(self, width_m: float) -> None:
        """Opens or closes in the background; NaN is ignored."""
        if self._gripper is not None and np.isfinite(width_m):
            self._gripper.grip(width_m)

    def home_gripper(self) -> None:
        """Lets the hand find its ends, in the background; RobotError without a hand."""
        if self._gripper is None:
            raise RobotError("libfranka: no hand to home; set has_gripper, and start first")
        self._gripper.home()

    def recover(self) -> None:
        """Clears the arm's errors, connects anew if the arm was gone, and tracks from where it is.

        RobotError if it cannot.
        """
        if self._robot is None:
            raise RobotError("libfranka: not started; start() first")
        try:
            with self._lock:
                if not self._holds():
                    self._end_motion()
                    if self._lost:
                        self._reopen()
                    self._clear_errors()
                    self._track()
                self._anchor = None
                self._pressed.reset()
                self._fault = ""
        except Exception as error:
            self._fault = self._fault or "recovery failed"
            raise RobotError(
                f"libfranka: cannot recover: {_text(error)}. Look at the arm and at Desk "
                "(joint limit, emergency stop, FCI off), then try again"
            ) from error

    def stop(self) -> None:
        """Ramps the torques down, brings the arm to rest and disconnects; bounded in time."""
        self._closing.set()
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join(self.config.stop_timeout_s)
        self._watcher = None
        with self._lock:
            self._end_motion()
        if self._gripper is not None:
            self._gripper.close(self.config.stop_timeout_s)
        self._gripper = None
        self._robot = None

    # --- inside ---

    def _open_patiently(self) -> None:
        deadline = time.monotonic() + self.config.start_wait_s
        while True:
            try:
                self._open()
                return
            except self._franky.NetworkException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _open(self) -> None:
        """Connects arm and hand, and sets the thresholds of the arm's own reflexes."""
        config, franky = self.config, self._franky
        realtime = franky.RealtimeConfig
        mode = realtime.Ignore if config.ignore_realtime else realtime.Enforce
        host = config.robot_hostname
        robot = self._connect(lambda: franky.Robot(host, realtime_config=mode), "arm")
        robot.set_collision_behavior(config.collision_torque_nm, config.collision_force_n)
        if config.has_gripper:
            hand = self._connect(lambda: franky.Gripper(host), "hand")
            self._gripper = GripperWorker(hand, config)
        self._robot, self._lost = robot, False

    def _connect(self, connection: Callable[[], Any], what: str) -> Any:
        return BackgroundCall(connection).result(self.config.connect_timeout_s, what)

    def _clear_errors(self) -> None:
        """The arm's automatic recovery; its state tells a moment later that it worked."""
        robot = self._robot
        if not robot.has_errors:
            return
        robot.recover_from_errors()
        deadline = time.monotonic() + self.config.stop_timeout_s
        while robot.has_errors:
            if time.monotonic() > deadline:
                raise RobotError("automatic recovery did not clear the arm's errors")
            time.sleep(0.005)

    def _reopen(self) -> None:
        """Connects anew: an arm that was switched off forgets its client."""
        if self._gripper is not None:
            self._gripper.close(self.config.stop_timeout_s)
            self._gripper = None
        self._open()

    def _track(self) -> None:
        config, franky = self.config, self._franky
        self._tracker = franky.CartesianImpedanceTracker(
            self._robot,
            translational_stiffness=config.translational_stiffness,
            rotational_stiffness=config.rotational_stiffness,
            translational_error_clip=np.full(3, config.translational_error_clip_m),
            rotational_error_clip=np.full(3, config.rotational_error_clip_rad),
        )
        self._sent_pose, self._moving, self._anchor = None, False, None
        # The arm answers a moment after it was asked; only then is silence a fault.
        deadline = time.monotonic() + config.connect_timeout_s
        while not self._robot.is_in_control:
            if time.monotonic() > deadline:
                raise RobotError("the torque controller did not start")
            time.sleep(0.005)

    def _set_target(self, pose: Float64, twist: Float64, acceleration: Float64) -> None:
        franky = self._franky
        self._tracker.set_target(
            franky.Affine(pose),
            franky.Twist(twist[:3], twist[3:]),
            franky.TwistAcceleration(acceleration[:3], acceleration[3:]),
        )

    def _end_motion(self) -> None:
        """Stops what runs, within the time limit; the lock is held. Never raises."""
        robot, self._tracker = self._robot, None
        if robot is None:
            return
        with contextlib.suppress(Exception):  # a motion that failed says so here once more
            if robot.is_in_control:
                robot.move(self._franky.TorqueStopMotion(), asynchronous=True)
            if robot.join_motion(self.config.stop_timeout_s):
                return
        with contextlib.suppress(Exception):
            if robot.is_in_control:
                robot.stop()
                robot.join_motion(self.config.stop_timeout_s)

    def _watch(self) -> None:
        period_s = 1.0 / self.config.state_rate_hz
        while not self._closing.wait(period_s):
            robot = self._robot
            try:
                self._look(robot)
            except Exception as error:
                if robot is not self._robot:  # of the connection that `recover` replaced
                    continue
                self._lose(_text(error))

    def _look(self, robot: Any) -> None:
        franky_state = robot.state
        width = self._gripper.width_m if self._gripper else 0.0
        self._state = RobotState(
            stamp_ns=round(franky_state.time.to_sec() * 1e9),
            T_base_ee=np.array(franky_state.O_T_EE.matrix, dtype=float),
            q=np.array(franky_state.q, dtype=float),
            dq=np.array(franky_state.dq, dtype=float),
            gripper_width_m=width,
        )
        if self._fault:
            self._give_way()
            return
        self._check_wrench(np.array(franky_state.O_F_ext_hat_K, dtype=float))
        with self._lock:
            if self._fault or self._tracker is None:
                return
            if not self._robot.is_in_control:
                self._fail(f"libfranka: the arm stopped: {self._why()}; then call bridge/reset")
            elif self._moving and self._silent():
                assert self._sent_pose is not None
                self._set_target(self._sent_pose, np.zeros(6), np.zeros(6))
                self._moving = False

    def _silent(self) -> bool:
        return time.monotonic() - self._sent_s > self.config.reference_timeout_s

    def _check_wrench(self, wrench: Float64) -> None:
        reason = self._pressed.look(wrench, time.monotonic_ns())
        if reason:
            with self._lock:
                self._fail(f"libfranka: {reason}")
                assert self._state is not None
                self._hold_at(self._state.T_base_ee)

    def _give_way(self) -> None:
        """Lets the held arm be pushed away; a motion that has ended holds by itself."""
        with self._lock:
            if self._anchor is None or self._state is None or not self._holds():
                return
            config = self.config
            self._hold_at(
                given_way(self._anchor, self._state.T_base_ee, config.yield_m, config.yield_rad)
            )

    def _hold_at(self, pose: Float64) -> None:
        self._anchor, self._moving = pose.copy(), False
        if self._tracker is not None:
            self._set_target(pose, np.zeros(6), np.zeros(6))

    def _holds(self) -> bool:
        """Whether it was stopped by a wrench, and the controller goes on."""
        return (
            self._anchor is not None
            and self._tracker is not None
            and not self._lost
            and bool(self._robot.is_in_control)
        )

    def _why(self) -> str:
        try:
            self._robot.join_motion(0.0)
        except Exception as error:
            return _text(error)
        return f"robot mode {self._robot.state.robot_mode}"

    def _lose(self, why: str) -> None:
        """An arm that is gone is told as such, also where its motion was heard to end first."""
        if not self._lost:
            self._lost = True
            reason = f"libfranka: connection lost: {why}; see to the arm, then call bridge/reset"
            LOGGER.error("%s", reason)
            self._fault = reason  # in one step: at no moment is there no fault

    def _fail(self, reason: str) -> None:
        if not self._fault:
            LOGGER.error("%s", reason)
            self._fault = reason


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
