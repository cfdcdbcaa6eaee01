"""Records synchronised sets, accepted commands and further topics as episodes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Literal

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import JointState

from visuomotor.errors import ConfigError
from visuomotor.recording import RecordingSession, Sidecar, WriterConfig
from visuomotor.recording.compression import ColorFormat
from visuomotor.recording.schema import DIAGNOSTICS, JOINT_STATE, POSE, typestore
from visuomotor.recording.sidecar import Outcome
from visuomotor.ros import messages, topics
from visuomotor.ros.parameters import declare, read
from visuomotor.ros.run import run_node
from visuomotor.ros.services import trigger
from visuomotor.ros.streams import FrameStreams
from visuomotor.sync import CameraCalibration, FrameSynchroniser, SyncConfig, load_calibration


@dataclass(frozen=True)
class Config:
    """What is recorded, where, and how.

    source: "synced" takes what rgbd_sync publishes, "raw" synchronises the drivers' topics
    within this node; calibration is then a file whose poses, intrinsics and latencies win over
    the topics' (with "synced", rgbd_sync has applied it). task, operator, tags and seed (-1:
    none) may be set before every start. extra_topics: names or patterns (`sim/objects/*/pose`)
    of whatever else goes into the bag.
    """

    cameras: tuple[str, ...] = ("front", "side", "wrist")
    depth: bool = True
    source: Literal["synced", "raw"] = "synced"
    calibration: str = ""
    dataset: str = "dataset"
    task: str = "unnamed"
    operator: str = ""
    tags: tuple[str, ...] = ()
    seed: int = -1
    color: ColorFormat = "jpeg"
    jpeg_quality: int = 95
    workers: int = 2
    queue_length: int = 60
    min_free_mb: float = 500.0
    pre_roll_s: float = 0.5
    extra_topics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.writer()
        self.sidecar()

    def writer(self) -> WriterConfig:
        """How episodes are written; a set that comes too fast is dropped, not waited for."""
        return WriterConfig(
            self.color,
            self.jpeg_quality,
            self.workers,
            self.queue_length,
            "drop",
            self.min_free_mb,
        )

    def sidecar(self) -> Sidecar:
        """The description of the next episode."""
        seed = None if self.seed < 0 else self.seed
        return Sidecar(self.task, self.operator, tags=self.tags, seed=seed)


class Recorder(Node):
    """Forwards what it hears to a RecordingSession, which services start and stop."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self.config = declare(self, Config, live=("task", "operator", "tags", "seed"))
        try:
            self.session = RecordingSession(
                self.config.dataset, self.config.writer(), self.config.pre_roll_s
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error
        self.session.upstream = self._lost
        sync = SyncConfig(self.config.cameras, depth=self.config.depth)
        calibration: dict[str, CameraCalibration] = {}
        if self.config.calibration and self.config.source == "raw":
            calibration = load_calibration(self.config.calibration, self.config.cameras)
        self.sync = FrameSynchroniser(sync, calibration)
        prefix = topics.SYNCED if self.config.source == "synced" else ""
        self._listen(PoseStamped, topics.COMMAND_POSE, "/command/target_pose", POSE)
        self._listen(JointState, topics.COMMAND_GRIPPER, "/command/gripper", JOINT_STATE)
        self._listen(DiagnosticArray, topics.COMMAND_STATUS, "/command/status", DIAGNOSTICS)
        self._heard: set[str] = set()
        self._refused_before: dict[str, int] = {}
        self._diagnostics = self.create_publisher(
            DiagnosticArray, topics.DIAGNOSTICS, topics.RELIABLE
        )
        self._offer(topics.RECORDER_START, self._start)
        self._offer(topics.RECORDER_STOP, self._stop)
        self._offer(topics.RECORDER_DISCARD, lambda: f"discarded {self.session.discard()}")
        self._offer(topics.RECORDER_UNDO, lambda: f"restored {self.session.undo()}")
        self._offer(topics.RECORDER_SUCCESS, lambda: self._mark("success"))
        self._offer(topics.RECORDER_FAILURE, lambda: self._mark("failure"))
        self.create_timer(1.0, self._report)
        self._extra = self.config.extra_topics
        if self._extra:
            self.create_timer(0.5, self._find_extra_topics)
        self.streams = FrameStreams(
            self, self.sync, self.config.cameras, self.config.depth, prefix, self._poll
        )

    def _offer(self, service: str, work: Callable[[], str]) -> None:
        """A service that has session and synchroniser to itself while it works."""

        def answer() -> str:
            with self.streams.lock:
                return work()

        trigger(self, service, answer)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _poll(self) -> None:
        for frame in self.sync.poll(self._now_ns()):
            self.session.add_frame(frame)
        error = self.session.check()
        if error is not None:
            self.get_logger().error(str(error))

    def _listen(self, kind: type, name: str, recorded_as: str, msgtype: str) -> None:
        def take(cdr: bytes) -> None:
            with self.streams.lock:
                self.session.add_message(recorded_as, msgtype, cdr, self._now_ns())

        self.create_subscription(kind, name, take, topics.STATE, raw=True)

    def _find_extra_topics(self) -> None:
        """Subscribes to the extra topics that have come up since, serialised as they are."""
        namespace = self.get_namespace().rstrip("/")
        patterns = [p if p.startswith("/") else f"{namespace}/{p}" for p in self._extra]
        for name, types in self.get_topic_names_and_types():
            if name in self._heard or not any(fnmatch(name, p) for p in patterns):
                continue
            self._heard.add(name)
            if types[0] not in typestore().types:
                self.get_logger().warning(f"{name}: not recorded, its type {types[0]} is not known")
                continue
            package, _, kind = types[0].split("/")
            message = getattr(importlib.import_module(f"{package}.msg"), kind)
            self._listen(message, name, name, types[0])

    def _start(self) -> str:
        config = read(self, Config)
        path = self.session.start(config.sidecar(), self._now_ns())
        self._refused_before = self._refused()
        self.get_logger().info(f"recording {path}")
        return str(path)

    def _stop(self) -> str:
        path = self.session.stop()
        self.get_logger().info(f"recorded {path}")
        return str(path)

    def _lost(self) -> dict[str, int]:
        """What the synchroniser and the conversion have lost since the start, by reason."""
        before = self._refused_before
        since = {k: n - before.get(k, 0) for k, n in self._refused().items()}
        return {k: n for k, n in since.items() if n > 0}

    def _refused(self) -> dict[str, int]:
        """The same since the node came up; but for samples that no set needed."""
        stats = self.sync.stats(self._now_ns())
        unusable = {f"unusable {topic}": n for topic, n in self.streams.refused.items()}
        dropped = {
            f"{name} {reason}": n
            for name, stream in stats.streams.items()
            for reason, n in stream.dropped.items()
            if reason != "rate"
        }
        return {**stats.refused, **dropped, **unusable}

    def _mark(self, outcome: Outcome) -> str:
        return f"{outcome}: {self.session.mark(outcome, self._now_ns())}"

    def _report(self) -> None:
        now_ns = self._now_ns()
        with self.streams.lock:
            status = self.session.status()
            stats = self.sync.stats(now_ns)
            lost = self._lost() if self.session.recording else {}
        status |= {"sync": stats.status, "rate_hz": stats.rate_hz}
        status |= {f"lost/{reason}": n for reason, n in sorted(lost.items())}
        level = messages.ERROR if status["error"] else messages.OK if stats.ok else messages.WARN
        text = str(status["error"] or stats.status)
        report = messages.diagnostics_msg({"recorder": status}, now_ns, level, text)
        self._diagnostics.publish(report)

    def close(self) -> None:
        """Finishes the episode that is being recorded."""
        self.streams.close()
        path = self.session.close()
        if path is not None:
            self.get_logger().info(f"recorded {path}")


def main() -> None:
    """Runs the node."""
    run_node(Recorder)


if __name__ == "__main__":
    main()
