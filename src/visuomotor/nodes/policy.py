"""Runs a policy at 20 Hz: in the step of every synchronised set, or beside it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import MultiDOFJointTrajectory
from visualization_msgs.msg import MarkerArray

from visuomotor.contracts import Action, ActionChunk, Float64, SyncedFrame, UInt8
from visuomotor.control.policy_config import Config
from visuomotor.errors import ConfigError, RobotError, VisuomotorError
from visuomotor.recording.stills import still
from visuomotor.ros import messages, topics
from visuomotor.ros.feed import LatestFrameWorker
from visuomotor.ros.goal_images import GoalImages
from visuomotor.ros.manipulation import frame_numbers, manipulation_values
from visuomotor.ros.markers import policy_markers, trajectory_msg
from visuomotor.ros.object_poses import ObjectPoses
from visuomotor.ros.parameters import declare
from visuomotor.ros.periodic import PeriodicThread
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


TICK_S = 0.005
"""How often asynchronous commands look whether they are due; looking costs some 20 µs."""
SILENT_S = 0.25
"""Without a command for longer, the bridge holds."""
REST_S = 5.0
"""What policy/start waits for a policy that is still at work on a set."""


class PolicyNode(Node):
    """Publishes policy/* while it is started; silent, and so the arm holds, otherwise."""

    def __init__(self) -> None:
        super().__init__("policy")
        self.config = declare(self, Config)
        self.runtime = _load(self.config)
        spec = self.runtime.spec
        self._active = self.config.autostart
        self._asking = threading.Lock()  # of the policy; taken before the other, where both are
        self._lock = threading.Lock()  # of what is commanded
        self._latency_s: deque[float] = deque(maxlen=200)
        self._steps = self._refused = self._stale = 0
        self._fault = self._stale_text = ""
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
        cameras = spec.names or (self.config.beat,)
        self.sync = FrameSynchroniser(SyncConfig(cameras, depth=depth), calibration)
        self._objects = ObjectPoses(self, spec.objects, self.config.keypoints)
        self._frame: Float64 | None = None
        prefix = topics.SYNCED if self.config.source == "synced" else ""
        self._worker = LatestFrameWorker(self._step, self._failed)
        self.create_timer(1.0, self._report)
        trigger(self, topics.POLICY_START, self._start)
        trigger(self, topics.POLICY_STOP, self._stop)
        self._newest: SyncedFrame | None = None
        self._ticker: PeriodicThread | None = None
        if self.config.inference == "asynchronous":
            self._ticker = PeriodicThread(self, TICK_S, self._tick, "commands")
        self.goals: GoalImages | None = None
        if self.runtime.goal_camera:
            camera = self.runtime.goal_camera
            self.goals = GoalImages(self, self._set_goal, self._see_goal, camera)
            if self.config.goal:
                self.goals.set(still(Path(self.config.goal), camera))
        elif self.config.goal:
            raise ConfigError(
                f"goal: got {self.config.goal}, but {self.config.checkpoint} takes no goal; leave "
                "it empty, or run a policy of `visuomotor train goal`"
            )
        self.streams = FrameStreams(self, self.sync, cameras, depth, prefix, self._poll)
        seen = [*spec.names, *(f"where {name} is" for name in spec.objects)]
        self.get_logger().info(f"{self.config.checkpoint}: sees {', '.join(seen)}")

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _set_goal(self, color: UInt8) -> None:
        with self._asking:
            self.runtime.set_goal(color)

    def _see_goal(self) -> UInt8:
        camera, frame = self.runtime.goal_camera, self._newest
        if frame is None or not self._stats().ok:
            raise RobotError(f"no image of {camera} now: {self._stats().status}")
        return frame.cameras[camera].color

    def _start(self) -> str:
        stats = self._stats()
        if not stats.ok:
            raise RobotError(f"the policy cannot start: {stats.status}")
        told = self._objects.at(self._now_ns(), self.config.object_age_s)
        missing = [topics.object_pose(n) for n in self._objects.names if n not in told]
        if missing:
            raise RobotError(
                f"the policy cannot start: nothing new on {', '.join(missing)}; publish the "
                "objects' poses there (remap), or tell it the place in its settings"
            )
        if self.goals is not None and not self.goals.received:
            raise RobotError(
                "the policy cannot start without a goal: tell it one by `visuomotor goal`, the "
                f"parameter goal, or {topics.POLICY_GOAL_HERE} with the goal before the camera"
            )
        if not self._asking.acquire(timeout=REST_S):
            raise RobotError(
                f"the policy has been at work on one set for over {REST_S:.0f} s; start it again "
                "when it is done, or restart its node"
            )
        try:
            with self._lock:
                self.runtime.reset()
                self._fault = ""
                self._active = True
        finally:
            self._asking.release()
        return "started"

    def _stop(self) -> str:
        with self._lock:
            self._active = False
            self.runtime.player.stop(self._now_ns())
        return "stopped"

    def _poll(self) -> None:
        self._objects.drain()
        now_ns = self._now_ns()
        for frame in self.sync.poll(now_ns):
            if refusal := self.config.set_refusal(frame.stamp_ns, now_ns):
                self._stale += 1
                self._stale_text = refusal
                self.get_logger().error(refusal, throttle_duration_sec=5.0)
                continue
            self._stale_text = ""
            if self._objects.names:
                told = self._objects.at(frame.stamp_ns, self.config.object_age_s)
                frame = replace(frame, objects=told)
            self._newest = frame
            if self._active:
                self._worker.put(frame)

    def _step(self, frame: SyncedFrame) -> None:
        """One set, in the worker's thread: inference, and synchronously its command."""
        with self._asking:
            if not self._active:
                return
            chunk = self.runtime.infer(frame)
            with self._lock:
                if not self._active:
                    return
                now_ns = self._now_ns()
                if refusal := self.config.set_refusal(frame.stamp_ns, now_ns):
                    raise RobotError(f"when its actions were there: {refusal}")
                if chunk is not None:
                    self.runtime.player.add(chunk, now_ns)
                    self._tell_frame(chunk)
                action = None
                if self._ticker is None:
                    action = self._command(now_ns)
        self._fault = ""
        self._steps += 1
        if action is not None:
            self._latency_s.append((now_ns - frame.stamp_ns) * 1e-9)
            self._draw(action, frame.stamp_ns)

    def _tell_frame(self, chunk: ActionChunk) -> None:
        """Says where a skill has put its frame, whenever it is put anew."""
        frame = chunk.info.get("frame")
        if frame is not None and (self._frame is None or not np.array_equal(frame, self._frame)):
            x, y, z, yaw_deg = frame_numbers(frame)
            self.get_logger().info(
                f"the skill's frame stands at ({x:.3f}, {y:.3f}, {z:.3f}) m in base, turned by "
                f"{yaw_deg:.0f} degrees"
            )
        self._frame = frame

    def _tick(self) -> None:
        """The command of the present, where it is due, from the chunks there are."""
        with self._lock:
            now_ns, player = self._now_ns(), self.runtime.player
            chunk, seen = player.newest, self._newest
            blind = seen is None or self.config.set_refusal(seen.stamp_ns, now_ns)
            if chunk is not None and blind:  # the rest of it is of a scene that nobody sees
                player.clear()
                return
            if not self._active or chunk is None or not player.due(now_ns):
                return
            action = self._command(now_ns)
        if action is not None:
            self._latency_s.append((now_ns - chunk.stamp_ns) * 1e-9)
            self._draw(action, now_ns)

    def _command(self, now_ns: int) -> Action | None:
        action = self.runtime.player.action(now_ns)
        if action is not None:
            self._gripper.publish(messages.gripper_command_msg(action.gripper_width_m, now_ns))
            self._pose.publish(messages.pose_msg(action.T_base_ee, now_ns))
        return action

    def _draw(self, action: Action, stamp_ns: int) -> None:
        chunk = self.runtime.chunk
        self._trajectory.publish(trajectory_msg(action.T_base_ee[None], stamp_ns))
        if chunk is not None and self.config.markers and self._markers.get_subscription_count():
            self._markers.publish(policy_markers(chunk.info, action.T_base_ee, stamp_ns))

    def _failed(self, error: Exception) -> None:
        """A set that gave no actions: nothing new is commanded, so the arm holds."""
        self._refused += 1
        self._fault = str(error)
        text = str(error) if isinstance(error, VisuomotorError) else repr(error)
        self.get_logger().error(text, throttle_duration_sec=2.0)

    def _stats(self) -> SyncStats:
        with self.streams.lock:
            return self.sync.stats(self._now_ns())

    def _report(self) -> None:
        stats, player = self._stats(), self.runtime.player
        now_ns = self._now_ns()
        values = {
            "active": self._active,
            "inference": self.config.inference,
            "steps": self._steps,
            "refused": self._refused,
            "skipped_sets": self._worker.skipped,
            "stale_sets": self._stale,
            "inference_ms": 1e3 * self._worker.busy_s,
            "chunks": player.chunks,
            "late_actions": player.late,
            "spliced": player.spliced,
            "stalls": player.stalls(now_ns),
            "latency_used_ms": 1e-6 * player.latency_ns,
            "command_latency_ms": 1e3 * player.config.command_latency_s,
            "sets": stats.status,
        }
        if player.newest is not None:
            values |= manipulation_values(player.newest.info)
        if self.goals is not None:
            values["goals"] = self.goals.received
        if self._latency_s:
            p50, p95 = np.percentile(list(self._latency_s), (50, 95))
            values |= {"latency_p50_ms": 1e3 * p50, "latency_p95_ms": 1e3 * p95}
        silence_s, silent = player.silence_s(now_ns), ""
        if stats.ok and silence_s > SILENT_S:
            silent = f"no action for {silence_s:.1f} s, the policy is too slow; the arm holds"
        fault = self._stale_text or self._fault
        bad = bool(fault or silent) or (self._active and not stats.ok)
        message = fault or silent or stats.status
        self._diagnostics.publish(
            messages.diagnostics_msg(
                {"policy": values},
                now_ns,
                messages.ERROR if bad else messages.OK,
                message,
            )
        )

    def close(self) -> None:
        """Ends the threads; without commands the bridge holds the arm."""
        self.streams.close()
        self._stop()
        if self._ticker is not None:
            self._ticker.stop()
        self._worker.stop()


def _load(config: Config) -> PolicyRuntime:
    if not config.checkpoint:
        raise ConfigError("policy: set the parameter `checkpoint` to a checkpoint's folder")
    import torch

    from visuomotor.policies import load_policy
    from visuomotor.policies.runtime import PolicyRuntime

    torch.set_num_threads(config.threads)
    return PolicyRuntime(load_policy(config.checkpoint, config.settings), config.chunks())


def main() -> None:
    """Runs the node."""
    run_node(PolicyNode)


if __name__ == "__main__":
    main()
