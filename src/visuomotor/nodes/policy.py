"""Runs a policy at 20 Hz: every synchronised set triggers one step."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import MultiDOFJointTrajectory
from visualization_msgs.msg import MarkerArray

from visuomotor.contracts import SyncedFrame
from visuomotor.errors import ConfigError, RobotError, VisuomotorError
from visuomotor.ros import messages, topics
from visuomotor.ros.feed import LatestFrameWorker
from visuomotor.ros.markers import policy_markers, trajectory_msg
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.ros.services import trigger
from visuomotor.ros.streams import FrameStreams
from visuomotor.sync import (
    CameraCalibration,
    FrameSynchroniser,
    SyncConfig,
    SyncStats,
    load_calibration,
)

if TYPE_CHECKING:
    from visuomotor.policies.runtime import PolicyRuntime


@dataclass(frozen=True)
class Config:
    """Which checkpoint runs, on which streams, and how.

    source: "synced" listens to rgbd_sync, "raw" synchronises the drivers' topics in this node;
    calibration is then a file whose poses, intrinsics and latencies win over the topics'.
    autostart: act at once instead of waiting for policy/start. threads: of torch.
    """

    checkpoint: str = ""
    source: Literal["synced", "raw"] = "synced"
    calibration: str = ""
    replan_steps: int = 1
    autostart: bool = False
    threads: int = 1
    markers: bool = True

    def __post_init__(self) -> None:
        if self.threads < 1 or self.replan_steps < 1:
            raise ValueError(
                f"got threads {self.threads}, replan_steps {self.replan_steps}; expected 1 or more"
            )


class PolicyNode(Node):
    """Publishes policy/* while it is started; silent, and so the arm holds, otherwise."""

    def __init__(self) -> None:
        super().__init__("policy")
        self.config = declare(self, Config)
        self.runtime = _load(self.config)
        spec = self.runtime.spec
        self._active = self.config.autostart
        self._lock = threading.Lock()
        self._latency_s: deque[float] = deque(maxlen=200)
        self._steps = self._refused = 0
        self._fault = ""
        self._pose = self.create_publisher(PoseStamped, topics.POLICY_POSE, topics.COMMAND)
        self._gripper = self.create_publisher(JointState, topics.POLICY_GRIPPER, topics.COMMAND)
        self._trajectory = self.create_publisher(
            MultiDOFJointTrajectory, topics.POLICY_TRAJECTORY, topics.RELIABLE
        )
        self._markers = self.create_publisher(MarkerArray, topics.POLICY_MARKERS, topics.RELIABLE)
        self._diagnostics = self.create_publisher(
            DiagnosticArray, topics.DIAGNOSTICS, topics.RELIABLE
        )
        depth = any(c.depth for c in spec.cameras)
        calibration: dict[str, CameraCalibration] = {}
        if self.config.calibration and self.config.source == "raw":
            calibration = load_calibration(self.config.calibration, spec.names)
        self.sync = FrameSynchroniser(SyncConfig(spec.names, depth=depth), calibration)
        prefix = topics.SYNCED if self.config.source == "synced" else ""
        self._worker = LatestFrameWorker(self._step, self._failed)
        self.create_timer(1.0, self._report)
        trigger(self, topics.POLICY_START, self._start)
        trigger(self, topics.POLICY_STOP, self._stop)
        self.streams = FrameStreams(self, self.sync, spec.names, depth, prefix, self._poll)
        self.get_logger().info(f"{self.config.checkpoint}: sees {', '.join(spec.names)}")

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _start(self) -> str:
        stats = self._stats()
        if not stats.ok:
            raise RobotError(f"the policy cannot start: {stats.status}")
        with self._lock:
            self.runtime.reset()
            self._fault = ""
            self._active = True
        return "started"

    def _stop(self) -> str:
        with self._lock:
            self._active = False
        return "stopped"

    def _poll(self) -> None:
        for frame in self.sync.poll(self._now_ns()):
            if self._active:
                self._worker.put(frame)

    def _step(self, frame: SyncedFrame) -> None:
        """One step, in the worker's thread."""
        with self._lock:
            if not self._active:
                return
            action = self.runtime.step(frame)
            chunk = self.runtime.chunk
            now_ns = self._now_ns()
            self._gripper.publish(messages.gripper_command_msg(action.gripper_width_m, now_ns))
            self._pose.publish(messages.pose_msg(action.T_base_ee, now_ns))
        self._latency_s.append((now_ns - frame.stamp_ns) * 1e-9)
        self._steps += 1
        self._fault = ""
        assert chunk is not None
        self._trajectory.publish(trajectory_msg(action.T_base_ee[None], frame.stamp_ns))
        if self.config.markers and self._markers.get_subscription_count():
            self._markers.publish(policy_markers(chunk.info, action.T_base_ee, frame.stamp_ns))

    def _failed(self, error: Exception) -> None:
        """A set that gave no action: nothing is commanded, so the arm holds."""
        self._refused += 1
        self._fault = str(error)
        text = str(error) if isinstance(error, VisuomotorError) else repr(error)
        self.get_logger().error(text, throttle_duration_sec=2.0)

    def _stats(self) -> SyncStats:
        with self.streams.lock:
            return self.sync.stats(self._now_ns())

    def _report(self) -> None:
        stats = self._stats()
        values = {
            "active": self._active,
            "steps": self._steps,
            "refused": self._refused,
            "skipped_sets": self._worker.skipped,
            "inference_ms": 1e3 * self._worker.busy_s,
            "sets": stats.status,
        }
        if self._latency_s:
            p50, p95 = np.percentile(list(self._latency_s), (50, 95))
            values |= {"latency_p50_ms": 1e3 * p50, "latency_p95_ms": 1e3 * p95}
        bad = bool(self._fault) or (self._active and not stats.ok)
        message = self._fault or stats.status
        self._diagnostics.publish(
            messages.diagnostics_msg(
                {"policy": values},
                self._now_ns(),
                messages.ERROR if bad else messages.OK,
                message,
            )
        )

    def close(self) -> None:
        """Ends the worker; without commands the bridge holds the arm."""
        self.streams.close()
        self._stop()
        self._worker.stop()


def _load(config: Config) -> PolicyRuntime:
    if not config.checkpoint:
        raise ConfigError("policy: set the parameter `checkpoint` to a checkpoint's folder")
    import torch

    from visuomotor.policies import load_policy
    from visuomotor.policies.runtime import PolicyRuntime

    torch.set_num_threads(config.threads)
    return PolicyRuntime(load_policy(config.checkpoint), config.replan_steps)


def main() -> None:
    """Runs the node."""
    run_node(PolicyNode)


if __name__ == "__main__":
    main()
