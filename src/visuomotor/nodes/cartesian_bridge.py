"""The only way to the arm: targets of teleop and policy in, one limited reference out."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import replace

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.contracts import BASE_FRAMES, Float64, RobotState
from visuomotor.control import BridgeOutput, CartesianBridge, Source, Verdict
from visuomotor.control.backends import Backend
from visuomotor.control.bridge_parameters import Config
from visuomotor.control.senders import Senders
from visuomotor.errors import DataError, RobotError
from visuomotor.ros import messages, topics
from visuomotor.ros.parameters import declare
from visuomotor.ros.periodic import PeriodicThread
from visuomotor.ros.polled import PolledSubscription
from visuomotor.ros.run import run_node
from visuomotor.ros.scheduling import come_first
from visuomotor.ros.sender import with_sender
from visuomotor.ros.services import trigger
from visuomotor.ros.side_node import SideNode

LEVELS = {"hold": messages.WARN, "fault": messages.ERROR}
BRAKING_S = 0.5
SETTLING_S = 2.0
"""What bridge/reset waits for the reference to stand."""
IGNORES = (
    "ignore_realtime is true for an arm that is not simulated here: without a real-time kernel the "
    "control box may stop it at any moment (docs/hardware.md, the machine)"
)
TWO_BRIDGES = "two bridges lead the arm; end one of them, then call bridge/reset"


class CartesianBridgeNode(Node):
    """Converts messages for `control.CartesianBridge` and hands its output to the backend.

    The reference has a thread of its own, which no flood of messages and no slow service keeps
    from its step; the executor's callbacks share the bridge with it under a lock.
    """

    def __init__(self) -> None:
        super().__init__("cartesian_bridge")
        self.config = declare(self, Config)
        if refused := come_first(self.config.realtime_priority):
            self.get_logger().info(refused)
        if self.config.risks_realtime:
            self.get_logger().warning(IGNORES)
        self._bridge = CartesianBridge(self.config)
        self._bridges = Senders()
        self._lock = threading.RLock()
        self._joints = (np.full(7, np.nan), np.full(7, np.nan))  # until they are known
        self._width_m = 0.0
        self._hand_width_m = math.nan  # as heard; NaN before the first
        self._heard_ns = {"joints": 0, "wrench": 0}  # of what the bridge slows down or stops for
        self._state_stamp_ns = 0
        self._state = ""
        self._target = self.create_publisher(PoseStamped, topics.COMMAND_POSE, topics.COMMAND)
        self._gripper = self.create_publisher(JointState, topics.COMMAND_GRIPPER, topics.COMMAND)
        self._reference = self.create_publisher(
            PoseStamped, topics.COMMAND_REFERENCE, topics.COMMAND
        )
        self._status = self.create_publisher(
            DiagnosticArray, topics.COMMAND_STATUS, topics.RELIABLE
        )
        self._backend: Backend | None = None
        self._side: SideNode | None = None
        self._robot: tuple[PolledSubscription, ...] = ()
        if self.config.backend == "libfranka":
            self._start_libfranka()
        else:
            self._listen_to_robot()
        if self.config.backend == "crisp":
            self._start_crisp()
        self._listen_to_sources()
        trigger(self, topics.BRIDGE_RESET, self._reset)
        trigger(self, topics.BRIDGE_HOLD, self._hold)
        trigger(self, topics.GRIPPER_HOMING, self._home_gripper)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / self.config.status_hz, self._publish_status, clock=steady)
        self._stepping = PeriodicThread(self, 1.0 / self.config.reference_hz, self._step, "steps")

    def close(self) -> None:
        """The one place where the arm is made safe: brakes within the limits, then lets go.

        A backend whose call hangs keeps the lock; it is stopped all the same.
        """
        self._stepping.stop()
        try:
            if self._lock.acquire(timeout=BRAKING_S):
                try:
                    self._brake()
                finally:
                    self._lock.release()
        finally:
            if self._backend is not None:
                self._backend.stop()
            if self._side is not None:
                self._side.close()

    def _brake(self) -> None:
        self._bridge.fail("shutting down")
        end = time.monotonic() + BRAKING_S
        while time.monotonic() < end and not self._bridge.at_rest:
            self._step_alone()
            time.sleep(1.0 / self.config.reference_hz)
        self._publish_status()

    # --- set-up ---

    def _listen_to_sources(self) -> None:
        def on(kind: type, topic: str, callback: object) -> None:
            self.create_subscription(kind, topic, callback, topics.COMMAND)

        on(PoseStamped, topics.TELEOP_POSE, with_sender(lambda m, s: self._offer("teleop", m, s)))
        on(PoseStamped, topics.POLICY_POSE, with_sender(lambda m, s: self._offer("policy", m, s)))
        on(JointState, topics.TELEOP_GRIPPER, with_sender(lambda m, s: self._grip("teleop", m, s)))
        on(JointState, topics.POLICY_GRIPPER, with_sender(lambda m, s: self._grip("policy", m, s)))
        on(Bool, topics.TELEOP_ENABLE, with_sender(lambda m, s: self._enable("teleop", m, s)))
        on(Bool, topics.POLICY_ENABLE, with_sender(lambda m, s: self._enable("policy", m, s)))
        on(DiagnosticArray, topics.COMMAND_STATUS, with_sender(self._on_bridge))

    def _listen_to_robot(self) -> None:
        newest = topics.NEWEST_STATE
        self._robot = (
            PolledSubscription(
                self, JointState, topics.GRIPPER_JOINT_STATES, newest, self._on_gripper
            ),
            PolledSubscription(self, JointState, topics.JOINT_STATES, newest, self._on_joints),
            PolledSubscription(self, PoseStamped, topics.CURRENT_POSE, newest, self._on_pose),
            PolledSubscription(
                self, WrenchStamped, topics.EXTERNAL_WRENCH, newest, self._on_wrench
            ),
        )

    def _read_robot(self) -> None:
        for states in self._robot:
            states.drain()

    def _start_libfranka(self) -> None:
        from visuomotor.control.backends.libfranka import LibfrankaBackend

        self._pose_state = self.create_publisher(PoseStamped, topics.CURRENT_POSE, topics.STATE)
        self._joint_state = self.create_publisher(JointState, topics.JOINT_STATES, topics.STATE)
        self._gripper_state = self.create_publisher(
            JointState, topics.GRIPPER_JOINT_STATES, topics.STATE
        )
        backend = LibfrankaBackend(self.config)
        backend.start()
        self._backend = backend

    def _start_crisp(self) -> None:
        from visuomotor.control.backends.crisp import CrispBackend
        from visuomotor.ros.crisp_link import CrispTopics
        from visuomotor.ros.franka_driver import FrankaDriver
        from visuomotor.ros.franka_gripper import ActionHand

        config = self.config
        self._side = SideNode(self)
        driver = FrankaDriver(
            self._side,
            config.controller_manager,
            config.recovery_action,
            config.hardware_component,
            config.recovery_timeout_s,
        )
        hand = None
        if config.has_gripper:
            hand = ActionHand(self._side, config.gripper_node, lambda: self._hand_width_m)
        backend = CrispBackend(config, CrispTopics(self), driver, hand)
        backend.start()
        self._backend = backend

    # --- in ---

    def _enable(self, source: Source, msg: Bool, sender: str) -> None:
        with self._lock:
            enable = {"teleop": self._bridge.teleop_enable, "policy": self._bridge.policy_enable}
            enable[source](msg.data, _now_ns(), sender)

    def _on_bridge(self, msg: DiagnosticArray, sender: str) -> None:
        """Another bridge's status, or this one's own: two of them lead one arm in turn."""
        with self._lock:
            self._bridges.hear(sender, _now_ns())
            if self._bridges.several(_now_ns()):
                self._bridge.fail(TWO_BRIDGES)

    def _offer(self, source: Source, msg: PoseStamped, sender: str) -> None:
        target, frame_id = _target_of(msg), msg.header.frame_id
        with self._lock:
            now_ns = _now_ns()
            made_ns = self._made_ns(msg, now_ns)
            verdict = self._bridge.offer(source, target, now_ns, frame_id, made_ns, sender)
        if verdict.T_base_ee is not None:
            self._target.publish(messages.pose_msg(verdict.T_base_ee, self._ros_now_ns()))
        self._report(verdict)

    def _grip(self, source: Source, msg: JointState, sender: str) -> None:
        width_m = msg.position[0] if len(msg.position) else math.nan
        with self._lock:
            now_ns = _now_ns()
            made_ns = self._made_ns(msg, now_ns)
            verdict = self._bridge.offer_gripper(source, width_m, now_ns, made_ns, sender)
        if verdict.width_m is not None:
            self._gripper.publish(messages.gripper_command_msg(verdict.width_m, self._ros_now_ns()))
        self._report(verdict)

    def _made_ns(self, msg: PoseStamped | JointState, now_ns: int) -> int | None:
        """When a command was made, on the clock of now_ns; None if it has no stamp."""
        stamp_ns = messages.stamp_ns_of(msg)
        return now_ns - (self._ros_now_ns() - stamp_ns) if stamp_ns else None

    def _report(self, verdict: Verdict) -> None:
        if not verdict:
            self.get_logger().warning(f"refused: {verdict.detail}", throttle_duration_sec=2.0)

    def _on_pose(self, msg: PoseStamped) -> None:
        stamp_ns = messages.stamp_ns_of(msg)
        if stamp_ns and stamp_ns == self._state_stamp_ns:
            return  # a driver that repeats itself says nothing new
        if msg.header.frame_id not in BASE_FRAMES:
            self.get_logger().error(
                f"current_pose ignored: got frame_id {msg.header.frame_id!r}, expected one of "
                f"{', '.join(BASE_FRAMES)}",
                throttle_duration_sec=5.0,
            )
            return
        self._state_stamp_ns = stamp_ns
        self._bridge.set_measured(
            RobotState(stamp_ns, _target_of(msg), *self._joints, self._width_m), _now_ns()
        )

    def _on_joints(self, msg: JointState) -> None:
        try:
            self._joints = messages.joints_from_msg(msg)
            self._heard_ns["joints"] = _now_ns()
        except DataError as error:
            self.get_logger().error(f"joint_states ignored: {error}", throttle_duration_sec=5.0)

    def _on_gripper(self, msg: JointState) -> None:
        try:
            self._width_m = self._hand_width_m = messages.gripper_width_from_msg(msg)
        except DataError as error:
            self.get_logger().error(
                f"gripper/joint_states ignored: {error}", throttle_duration_sec=5.0
            )

    def _on_wrench(self, msg: WrenchStamped) -> None:
        self._heard_ns["wrench"] = _now_ns()
        self._bridge.set_wrench(messages.wrench_from_msg(msg), _now_ns())

    def _read_backend(self, backend: Backend) -> None:
        state = backend.state()
        if state is None or state.stamp_ns == self._state_stamp_ns:
            return
        self._state_stamp_ns = state.stamp_ns
        state = replace(state, stamp_ns=self._ros_now_ns())
        self._bridge.set_measured(state, _now_ns())
        self._pose_state.publish(messages.pose_msg(state.T_base_ee, state.stamp_ns))
        self._joint_state.publish(messages.joint_state_msg(state.q, state.dq, state.stamp_ns))
        self._gripper_state.publish(messages.gripper_msg(state.gripper_width_m, state.stamp_ns))

    # --- out ---

    def _step(self) -> None:
        with self._lock:
            self._step_alone()

    def _step_alone(self) -> None:
        self._read_robot()
        if self._backend is not None:
            self._read_backend(self._backend)
            if self._backend.fault:
                self._bridge.fail(self._backend.fault)
        stamp_ns = self._ros_now_ns()
        out = self._bridge.step(_now_ns())
        if out.pose is not None and out.sent is not None:
            if self._backend is not None:
                self._backend.send(out.sent, out.twist, out.acceleration)
            self._reference.publish(messages.pose_msg(out.pose, stamp_ns))
        if out.gripper_width_m is not None and self._backend is not None:
            self._backend.grip(out.gripper_width_m)
        self._log_change(out)

    def _log_change(self, out: BridgeOutput) -> None:
        if out.state == self._state:
            return
        self._state = out.state
        text = f"{out.state}: {out.reason}" if out.reason else out.state
        if out.state == "fault":
            self.get_logger().error(text)
        elif out.state == "hold":
            self.get_logger().warning(text)
        else:
            self.get_logger().info(text)

    def _publish_status(self) -> None:
        with self._lock:
            status = self._bridge.status()
        bridge = status["bridge"]
        for name, heard_ns in self._heard_ns.items() if self._robot else ():
            age_s = (_now_ns() - heard_ns) * 1e-9
            bridge[f"{name}_age_s"] = f"{age_s:.2f}" if heard_ns else "never heard"
        if self._backend is not None and self._backend.gripper_problem:
            bridge["gripper_problem"] = self._backend.gripper_problem
        message = ": ".join(v for v in (bridge["state"], bridge["reason"]) if v)
        level = LEVELS.get(bridge["state"], messages.OK)
        self._status.publish(messages.diagnostics_msg(status, self._ros_now_ns(), level, message))

    def _reset(self) -> str:
        """Brakes, clears the backend's errors, and anchors at the arm before it is led again."""
        with self._lock:
            self._bridge.prepare_reset()
        end = time.monotonic() + SETTLING_S
        while not self._bridge.settled(_now_ns()):
            if time.monotonic() > end:
                raise RobotError("the arm has not come to rest yet; call bridge/reset again")
            time.sleep(0.01)
        with self._lock:
            if self._backend is not None:
                # What stopped the arm beside CRISP, its backend cannot know: it looks each time.
                if self._backend.fault or self.config.backend == "crisp":
                    self._backend.recover()
                self._read_backend(self._backend)
            self._read_robot()
            self._bridge.reset(_now_ns())
        return "anchored at the measured pose"

    def _hold(self) -> str:
        with self._lock:
            self._bridge.hold()
        return "the arm brakes and holds until bridge/reset"

    def _home_gripper(self) -> str:
        if self._backend is None:
            raise RobotError("backend mujoco: the simulated hand needs no homing")
        if self._state in ("teleop", "policy"):
            raise RobotError(f"{self._state} is in control: stop it first, for homing drops things")
        self._backend.home_gripper()
        return "homing: the hand closes and opens fully"

    def _ros_now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)


def _now_ns() -> int:
    """The clock of durations: it never jumps."""
    return time.monotonic_ns()


def _target_of(msg: PoseStamped) -> Float64:
    """The pose (4, 4); what is none becomes NaN or zeros, which the bridge refuses and counts."""
    try:
        return messages.pose_from_msg(msg)
    except DataError:
        q = msg.pose.orientation
        finite = all(math.isfinite(v) for v in (q.x, q.y, q.z, q.w))
        return np.zeros((4, 4)) if finite else np.full((4, 4), math.nan)


def main() -> None:
    """Runs the node."""
    run_node(CartesianBridgeNode)


if __name__ == "__main__":
    main()
