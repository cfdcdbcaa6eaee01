"""Publishes the drivers' streams as sets with one common stamp, 20 per second."""

from __future__ import annotations

from dataclasses import dataclass, fields

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, Image, JointState

from visuomotor.contracts import BASE_FRAMES, SyncedFrame
from visuomotor.ros import messages, topics
from visuomotor.ros.images import color_msg, depth_msg
from visuomotor.ros.parameters import declare
from visuomotor.ros.run import run_node
from visuomotor.ros.streams import HAND_FRAMES, FrameStreams
from visuomotor.sync import CameraCalibration, FrameSynchroniser, SyncConfig, load_calibration


@dataclass(frozen=True)
class Config(SyncConfig):
    """SyncConfig, and a calibration file whose poses and intrinsics win over the topics'.

    calibration: path of a YAML file (`visuomotor.sync.load_calibration`); empty: the latched
    `<cam>/extrinsics` and the camera_info hold.
    """

    cameras: tuple[str, ...] = ("front", "side", "wrist")
    calibration: str = ""

    def sync(self) -> SyncConfig:
        """The synchroniser's part."""
        return SyncConfig(**{f.name: getattr(self, f.name) for f in fields(SyncConfig)})


class RgbdSync(Node):
    """Forwards messages to a FrameSynchroniser and publishes the sets that it makes."""

    def __init__(self) -> None:
        super().__init__("rgbd_sync")
        self.config = declare(self, Config)
        calibration: dict[str, CameraCalibration] = {}
        if self.config.calibration:
            calibration = load_calibration(self.config.calibration, self.config.cameras)
        self.sync = FrameSynchroniser(self.config.sync(), calibration)
        self._images = {c: self._image_publishers(c) for c in self.config.cameras}
        self._pose = self.create_publisher(PoseStamped, topics.SYNCED_POSE, topics.STATE)
        self._joints = self.create_publisher(JointState, topics.SYNCED_JOINT_STATES, topics.STATE)
        self._gripper = self.create_publisher(
            JointState, topics.SYNCED + topics.GRIPPER_JOINT_STATES, topics.STATE
        )
        self._diagnostics = self.create_publisher(
            DiagnosticArray, topics.DIAGNOSTICS, topics.RELIABLE
        )
        self._latched = [self._publish_extrinsics(c, known) for c, known in calibration.items()]
        self.create_timer(1.0, self._diagnose)
        self.streams = FrameStreams(
            self, self.sync, self.config.cameras, self.config.depth, after=self._poll
        )

    def _image_publishers(self, camera: str) -> tuple[Publisher, Publisher, Publisher]:
        """Camera info, depth, colour: published in this order, so that colour comes last."""
        streams = (
            (CameraInfo, topics.camera_info),
            (Image, topics.depth),
            (Image, topics.color),
        )
        info, depth, color = (
            self.create_publisher(kind, topic(camera, topics.SYNCED), topics.SENSOR)
            for kind, topic in streams
        )
        return info, depth, color

    def _publish_extrinsics(self, camera: str, known: CameraCalibration) -> object:
        parent = BASE_FRAMES[0] if known.parent == "base" else HAND_FRAMES[0]
        publisher = self.create_publisher(
            TransformStamped, topics.extrinsics(camera), topics.LATCHED
        )
        publisher.publish(
            messages.transform_msg(known.T_parent_camera, self._now_ns(), parent, _frame(camera))
        )
        return publisher

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _poll(self) -> None:
        for frame in self.sync.poll(self._now_ns()):
            self._publish(frame)

    def _publish(self, frame: SyncedFrame) -> None:
        stamp, robot = frame.stamp_ns, frame.robot
        self._pose.publish(messages.pose_msg(robot.T_base_ee, stamp))
        self._joints.publish(
            messages.joint_state_msg(robot.q, robot.dq, stamp, robot.gripper_width_m)
        )
        self._gripper.publish(messages.gripper_msg(robot.gripper_width_m, stamp))
        for name, view in frame.cameras.items():
            info, depth, color = self._images[name]
            info.publish(messages.camera_info_msg(view.camera, stamp, _frame(name)))
            if view.depth_mm is not None:
                depth.publish(depth_msg(view.depth_mm, stamp, _frame(name)))
            color.publish(color_msg(view.color, stamp, _frame(name)))

    def _diagnose(self) -> None:
        now_ns = self._now_ns()
        with self.streams.lock:
            stats = self.sync.stats(now_ns)
        level = DiagnosticStatus.OK if stats.ok else DiagnosticStatus.WARN
        rows = {f"rgbd_sync: {name}": row for name, row in stats.rows().items()}
        rows["rgbd_sync: sets"] |= {f"refused {t}": str(n) for t, n in self.streams.refused.items()}
        self._diagnostics.publish(messages.diagnostics_msg(rows, now_ns, level, stats.status))
        if not stats.ok:
            self.get_logger().warning(stats.status, throttle_duration_sec=5.0)

    def close(self) -> None:
        """Ends the thread."""
        self.streams.close()


def _frame(camera: str) -> str:
    return f"{camera}_color_optical_frame"


def main() -> None:
    """Runs the node."""
    run_node(RgbdSync)


if __name__ == "__main__":
    main()
