"""An arm that follows, a real bridge, and ears, for tests of nodes that an operator drives."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.geometry import pose
from visuomotor.nodes.cartesian_bridge import CartesianBridgeNode
from visuomotor.ros import messages, topics

HOME = pose(np.diag([1.0, -1.0, -1.0]), [0.4, 0.0, 0.3])


def command(device: str, **parameters: object) -> list[str]:
    """The node teleop as a process of its own."""
    given = {"device": device, **parameters}
    values = [a for k, v in given.items() for a in ("-p", f"{k}:={v}")]
    return [sys.executable, "-m", "visuomotor.nodes.teleop", "--ros-args", *values]


class TeleopGraph:
    """Records what the node publishes (targets as (4, 4)) and what the bridge makes of it."""

    def __init__(self, *arguments: str) -> None:
        """arguments: of ROS, for nodes that the test makes in its own process."""
        rclpy.init(args=["--ros-args", *arguments] if arguments else None)
        self.bridge = CartesianBridgeNode()
        self.node = rclpy.create_node("peer", use_global_arguments=False)
        self.executor = SingleThreadedExecutor()
        self.measured, self.width_m = HOME, 0.08
        self.targets, self.enables, self.widths, self.policy = [], [], [], []
        self.accepted, self.statuses, self.diagnostics = [], [], []
        self.log: list[str] = []
        self._processes: list[subprocess.Popen] = []
        self._readers: list[threading.Thread] = []
        pose_of, width_of = messages.pose_from_msg, messages.gripper_command_from_msg

        def hear(kind, topic, keep) -> None:
            self.node.create_subscription(kind, topic, keep, topics.RELIABLE)

        hear(PoseStamped, topics.TELEOP_POSE, lambda m: self.targets.append(pose_of(m)))
        hear(Bool, topics.TELEOP_ENABLE, lambda m: self.enables.append(m.data))
        hear(JointState, topics.TELEOP_GRIPPER, lambda m: self.widths.append(width_of(m)))
        hear(Bool, topics.POLICY_ENABLE, lambda m: self.policy.append(m.data))
        hear(PoseStamped, topics.COMMAND_POSE, lambda m: self.accepted.append(pose_of(m)))
        hear(PoseStamped, topics.COMMAND_REFERENCE, self._follow)
        hear(DiagnosticArray, topics.COMMAND_STATUS, self.statuses.append)
        hear(DiagnosticArray, topics.DIAGNOSTICS, self.diagnostics.append)
        make = self.node.create_publisher
        self._state = make(PoseStamped, topics.CURRENT_POSE, topics.STATE)
        self._fingers = make(JointState, topics.GRIPPER_JOINT_STATES, topics.STATE)
        self.node.create_timer(0.02, self._publish_state)
        for node in (self.bridge, self.node):
            self.executor.add_node(node)

    def _follow(self, msg) -> None:
        self.measured = messages.pose_from_msg(msg)

    def _publish_state(self) -> None:
        now = self.now()
        self._state.publish(messages.pose_msg(self.measured, now))
        self._fingers.publish(messages.gripper_msg(self.width_m, now))

    def now(self) -> int:
        return self.node.get_clock().now().nanoseconds

    def run(self, words: list[str]) -> subprocess.Popen:
        """Starts a process whose stderr is kept in `log`."""
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)

        def read() -> None:
            self.log.extend(process.stderr)

        reader = threading.Thread(target=read)
        reader.start()
        self._processes.append(process)
        self._readers.append(reader)
        return process

    def stop(self, process: subprocess.Popen) -> int:
        """The exit status after Ctrl-C."""
        process.send_signal(signal.SIGINT)
        self.spin(lambda: process.poll() is not None, "the end of the node")
        return process.returncode

    def spin(self, condition, what: str = "the condition", timeout_s: float = 60.0) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}; log: {self.log[-5:]}"
            self.executor.spin_once(timeout_sec=0.02)

    def spin_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)

    def diagnosed(self, key: str) -> str | None:
        """A value that the node published on /diagnostics last."""
        found = [messages.diagnostics_from_msg(m).get("teleop", {}) for m in self.diagnostics]
        return found[-1].get(key) if found else None

    def refused(self, *reasons: str) -> dict[str, str]:
        """What the bridge refused of the operator's targets for these reasons."""
        counts = messages.diagnostics_from_msg(self.statuses[-1])["counters"]
        named = {f"refused/teleop/{r}" for r in reasons}
        return {k: v for k, v in counts.items() if k in named and v != "0"}

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(10)
        for reader in self._readers:
            reader.join()
        for process in self._processes:
            process.stderr.close()
        self.bridge.close()
        self.executor.shutdown()
        for node in (self.bridge, self.node):
            node.destroy_node()
        rclpy.try_shutdown()
