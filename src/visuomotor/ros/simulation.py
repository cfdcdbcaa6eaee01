"""The simulation's side channel: set a seed, reset, and see the truth. For demonstrator and tests.

Blocking methods are for a worker thread; another thread spins the node.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState

from visuomotor.contracts import Float64, RobotState
from visuomotor.errors import RobotError
from visuomotor.ros import messages, topics
from visuomotor.ros.services import ServiceCaller


@dataclass(frozen=True)
class SimStatus:
    """What `sim/status` says; reached: the goal that was reached last, "" for none."""

    seed: int
    success: bool
    elapsed_s: float
    pair: str = ""
    reached: str = ""


class SimulationClient:
    """Resets the simulation between episodes and follows its state.

    robot False: for who needs no robot state, which comes at 100 Hz and costs.
    """

    def __init__(
        self,
        node: Node,
        objects: Sequence[str] = (),
        sim_node: str = "sim",
        robot: bool = True,
    ) -> None:
        self.caller = ServiceCaller(node, timeout_s=10.0)
        self._sim_node = sim_node
        self._lock = threading.Condition()
        self._clock = node.get_clock()
        self._status: SimStatus | None = None
        self._objects: dict[str, Float64] = {}
        self._pose: Float64 | None = None
        self._joints: tuple[Float64, Float64] | None = None
        self._width_m: float | None = None
        self._stamp_ns = 0
        self._set_stamp_ns = 0
        self.sets = 0
        """How many synchronised sets were seen."""
        node.create_subscription(PoseStamped, topics.SYNCED_POSE, self._on_set, topics.STATE)
        node.create_subscription(
            DiagnosticArray, topics.SIM_STATUS, self._on_status, topics.RELIABLE
        )
        newest = topics.NEWEST_STATE
        self._robot = robot
        if robot:
            node.create_subscription(PoseStamped, topics.CURRENT_POSE, self._on_pose, newest)
            node.create_subscription(JointState, topics.JOINT_STATES, self._on_joints, newest)
            node.create_subscription(
                JointState, topics.GRIPPER_JOINT_STATES, self._on_gripper, newest
            )
        for name in objects:
            node.create_subscription(
                PoseStamped,
                topics.object_pose(name),
                lambda msg, name=name: self._on_object(name, msg),
                newest,
            )
        self._wanted = set(objects)

    @property
    def status(self) -> SimStatus | None:
        """The newest status, None before the first."""
        return self._status

    def robot(self) -> RobotState | None:
        """The robot's newest state, None until every part of it was seen."""
        with self._lock:
            if self._pose is None or self._joints is None or self._width_m is None:
                return None
            return RobotState(self._stamp_ns, self._pose, *self._joints, self._width_m)

    def objects(self) -> Mapping[str, Float64] | None:
        """T_base_object (4, 4) by name, None until every wanted object was seen."""
        with self._lock:
            return dict(self._objects) if self._wanted <= set(self._objects) else None

    def reset(
        self,
        seed: int,
        timeout_s: float = 10.0,
        start: str | None = None,
        goal: str | None = None,
    ) -> None:
        """The initial state of `seed`, the bridge anchored to it; returns when both are seen.

        start, goal: of a task that has several; None: as the simulation's parameters are.
        """
        pair = {name: v for name, v in (("start", start), ("goal", goal)) if v is not None}
        self.caller.set_parameters(self._sim_node, {"seed": seed, **pair})
        self.caller.trigger(topics.SIM_RESET)
        with self._lock:
            self._objects.clear()
            self._pose = None

        def fresh() -> bool:
            status = self._status
            return (
                status is not None
                and status.seed == seed
                and (self._pose is not None or not self._robot)
                and self._wanted <= set(self._objects)
            )

        self.wait_for(fresh, timeout_s, f"the simulation showing seed {seed}")
        self.caller.trigger(topics.BRIDGE_RESET)

    def wait_for_sets(self, timeout_s: float = 30.0) -> None:
        """Returns when a synchronised set of what is now came; RobotError after timeout_s."""
        since_ns = self._clock.now().nanoseconds
        self.wait_for(
            lambda: self._set_stamp_ns > since_ns, timeout_s, "synchronised sets (is rgbd_sync up?)"
        )

    def wait_for(self, condition: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Waits until the condition holds, checked at every message; RobotError names `what`."""
        end = time.monotonic() + timeout_s
        with self._lock:
            while not condition():
                left = end - time.monotonic()
                if left <= 0 or not self._lock.wait(left):
                    if condition():
                        return
                    raise RobotError(f"waited {timeout_s:g} s in vain for {what}")

    def _on_status(self, msg: DiagnosticArray) -> None:
        values = messages.diagnostics_from_msg(msg)["sim"]
        with self._lock:
            self._status = SimStatus(
                int(values["seed"]),
                values["success"] == "True",
                float(values["elapsed_s"]),
                values.get("pair", ""),
                values.get("reached", ""),
            )
            self._lock.notify_all()

    def _on_set(self, msg: PoseStamped) -> None:
        with self._lock:
            self._set_stamp_ns = messages.stamp_ns_of(msg)
            self.sets += 1
            self._lock.notify_all()

    def _on_pose(self, msg: PoseStamped) -> None:
        with self._lock:
            self._pose = messages.pose_from_msg(msg)
            self._stamp_ns = messages.stamp_ns_of(msg)
            self._lock.notify_all()

    def _on_joints(self, msg: JointState) -> None:
        with self._lock:
            self._joints = messages.joints_from_msg(msg)

    def _on_gripper(self, msg: JointState) -> None:
        with self._lock:
            self._width_m = messages.gripper_width_from_msg(msg)

    def _on_object(self, name: str, msg: PoseStamped) -> None:
        with self._lock:
            self._objects[name] = messages.pose_from_msg(msg)
            self._lock.notify_all()
