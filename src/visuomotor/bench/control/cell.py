"""A simulated arm behind the bridge, what is streamed to it, and what it did."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Bool

from visuomotor.bench.control.log import Track
from visuomotor.bench.stages import Launched
from visuomotor.contracts import Float64
from visuomotor.errors import RobotError
from visuomotor.ros import messages, topics
from visuomotor.ros.executor_thread import ExecutorThread
from visuomotor.ros.launch import share_folder
from visuomotor.ros.services import ServiceCaller

PERIOD_S = 0.05
START_S = 60.0

C = TypeVar("C", bound="ControlCell")


class ControlCell(Node):
    """Streams targets and keeps what comes back; its methods block, another thread spins it."""

    def __init__(self, context: Context) -> None:
        super().__init__("control_cell", context=context)
        self.call = ServiceCaller(self, timeout_s=10.0)
        self.reference, self.measured = Track(), Track()
        self.status: dict[str, dict[str, str]] = {}
        self.states: list[tuple[float, str]] = []
        self.physics: list[tuple[float, float]] = []
        self._pose: Float64 | None = None
        self._target = {
            "policy": self.create_publisher(PoseStamped, topics.POLICY_POSE, topics.COMMAND),
            "teleop": self.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND),
        }
        self._enable = {
            "policy": self.create_publisher(Bool, topics.POLICY_ENABLE, topics.COMMAND),
            "teleop": self.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND),
        }
        state = topics.STATE
        self.create_subscription(PoseStamped, topics.CURRENT_POSE, self._on_pose, state)
        self.create_subscription(PoseStamped, topics.COMMAND_REFERENCE, self._on_reference, 10)
        self.create_subscription(DiagnosticArray, topics.COMMAND_STATUS, self._on_status, 10)
        self.create_subscription(DiagnosticArray, topics.SIM_STATUS, self._on_sim, 10)

    @property
    def now_s(self) -> float:
        """The ROS clock."""
        return float(self.get_clock().now().nanoseconds) * 1e-9

    @property
    def state(self) -> str:
        """The bridge's state."""
        return self.status.get("bridge", {}).get("state", "")

    @property
    def reason(self) -> str:
        """Of that state."""
        return self.status.get("bridge", {}).get("reason", "")

    @property
    def pose(self) -> Float64:
        """Where the arm was measured last (4, 4)."""
        assert self._pose is not None
        pose: Float64 = self._pose.copy()
        return pose

    def counter(self, name: str) -> int:
        """One of the bridge's counters."""
        return int(self.status.get("counters", {}).get(name, 0))

    def send(self, T_base_ee: Float64, source: str = "policy", enable: bool = True) -> None:
        """One target, with its dead-man."""
        if enable:
            self._enable[source].publish(Bool(data=True))
        self.publish(messages.pose_msg(T_base_ee, self.get_clock().now().nanoseconds), source)

    def send_altered(self, T_base_ee: Float64, alter: Callable[[PoseStamped], object]) -> None:
        """One target of the policy, altered, with its dead-man."""
        self._enable["policy"].publish(Bool(data=True))
        target = messages.pose_msg(T_base_ee, self.get_clock().now().nanoseconds)
        alter(target)
        self.publish(target)

    def publish(self, target: PoseStamped, source: str = "policy") -> None:
        """A target as it is."""
        self._target[source].publish(target)

    def stream(
        self, pose_at: Callable[[float], Float64 | None], seconds: float, source: str = "policy"
    ) -> float:
        """Sends pose_at(elapsed s) at 20 Hz, or nothing for None; returns when it began, in s."""
        begin = time.monotonic()
        return self.stream_while(pose_at, lambda: time.monotonic() < begin + seconds, source)

    def stream_while(
        self,
        pose_at: Callable[[float], Float64 | None],
        wanted: Callable[[], bool],
        source: str = "policy",
        timeout_s: float = 120.0,
    ) -> float:
        """Like `stream`, while it is wanted; RobotError after timeout_s."""
        start_s, begin = self.now_s, time.monotonic()
        due = begin
        while wanted():
            if time.monotonic() > begin + timeout_s:
                raise RobotError(f"streamed for {timeout_s:g} s without an end")
            pose = pose_at(time.monotonic() - begin)
            if pose is not None:
                self.send(pose, source)
            due += PERIOD_S
            time.sleep(max(0.0, due - time.monotonic()))
        return start_s

    def wait(
        self,
        condition: Callable[[], bool],
        what: str,
        timeout_s: float = 20.0,
        enable: bool = False,
        look_s: float = 0.01,
    ) -> None:
        """Waits for a condition, holding policy/enable if asked; RobotError names it."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise RobotError(f"waited {timeout_s:g} s in vain for {what}; {self.status}")
            if enable:
                self._enable["policy"].publish(Bool(data=True))
            time.sleep(look_s)

    def ready(self) -> None:
        """Returns when the arm stands, anchored, behind a bridge that takes commands."""
        heard = (self.measured.times, self.reference.times, self.physics)
        self.wait(lambda: all(heard), "the arm", START_S)
        for dead_man in self._enable.values():  # let go, so that the next press counts
            dead_man.publish(Bool(data=False))
        self.call.trigger(topics.BRIDGE_RESET)
        self.wait(lambda: self.state == "idle", "the bridge")

    def _on_pose(self, msg: PoseStamped) -> None:
        self._pose = messages.pose_from_msg(msg)
        self.measured.add(messages.stamp_ns_of(msg) * 1e-9, self._pose[:3, 3])

    def _on_reference(self, msg: PoseStamped) -> None:
        position = messages.pose_from_msg(msg)[:3, 3]
        self.reference.add(messages.stamp_ns_of(msg) * 1e-9, position)

    def _on_status(self, msg: DiagnosticArray) -> None:
        self.status = messages.diagnostics_from_msg(msg)
        self.states.append((self.now_s, self.state))

    def _on_sim(self, msg: DiagnosticArray) -> None:
        values = messages.diagnostics_from_msg(msg)["sim"]
        self.physics.append((time.monotonic(), float(values["physics_s"])))


@contextmanager
def control_cell(
    backend: str, log: Path, launch: str = "sim", **arguments: Any
) -> Iterator[tuple[ControlCell, Launched]]:
    """The launch file with a backend, and a cell that is ready."""
    words = {
        "backend": backend,
        "hostname": loopback(),
        "cameras": ["front"],
        "sync": "false",
        **arguments,
    }
    with launched_cell(ControlCell, launch, words, log) as made:
        yield made


@contextmanager
def launched_cell(
    make: Callable[[Context], C], launch: str, words: Mapping[str, Any], log: Path
) -> Iterator[tuple[C, Launched]]:
    """The launch file with these arguments, and what `make` makes, spun by a thread and ready."""
    context = Context()
    rclpy.init(context=context, signal_handler_options=SignalHandlerOptions.NO)
    cell = make(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(cell)
    thread = ExecutorThread(executor, "cell")
    try:
        with Launched(share_folder() / "launch" / f"{launch}.launch.xml", words, log) as launched:
            try:
                cell.ready()
            except RobotError as error:
                raise launched.failure(str(error)) from error
            yield cell, launched
    finally:
        thread.close()
        cell.destroy_node()
        rclpy.try_shutdown(context=context)


def loopback() -> str:
    """A loopback address of this process's own, for the libfranka server's fixed ports."""
    return f"127.117.{os.getpid() // 250 % 250 + 1}.{os.getpid() % 250 + 1}"
