"""Subscribes to all streams of the cameras and the robot and feeds a synchroniser with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState

from visuomotor.contracts import BASE_FRAMES, Float64, StampedImage
from visuomotor.errors import CalibrationError, DataError
from visuomotor.geometry import PinholeCamera
from visuomotor.ros import topics
from visuomotor.ros.images import color_from_msg, depth_mm_from_msg
from visuomotor.ros.messages import (
    camera_from_info,
    gripper_width_from_msg,
    joints_from_msg,
    pose_from_msg,
    stamp_ns_of,
    transform_from_msg,
)
from visuomotor.ros.polled import PolledSubscription

HAND_FRAMES = ("fr3_hand_tcp", "panda_hand_tcp")
"""Names of the end effector's frame, the parent of a wrist camera's extrinsics."""


RAW_POLL_S = 0.01
"""An image may wait this long for the robot sample after it."""
SYNCED_POLL_S = 0.025
"""Synchronised states come before their images; this is for the rare ones that do not."""


class FrameSink(Protocol):
    """What `FrameStreams` feeds; the synchroniser is one."""

    def add_color(self, camera: str, image: StampedImage) -> None:
        """Takes a colour image."""

    def add_depth(self, camera: str, image: StampedImage) -> None:
        """Takes a depth image."""

    def set_camera(self, camera: str, intrinsics: PinholeCamera) -> None:
        """Takes a camera's intrinsics."""

    def set_extrinsics(self, camera: str, T_base_camera: Float64) -> None:
        """Takes a camera's pose in base."""

    def add_pose(self, stamp_ns: int, T_base_ee: Float64, receipt_ns: int) -> None:
        """Takes the end effector's pose."""

    def add_joints(self, stamp_ns: int, q: Float64, dq: Float64, receipt_ns: int) -> None:
        """Takes the arm's joints."""

    def add_gripper(self, stamp_ns: int, width_m: float, receipt_ns: int) -> None:
        """Takes the gripper's full width."""


class FrameStreams:
    """The subscriptions of a node to `cameras` and the robot.

    prefix "" takes the drivers' topics, "synced/" the synchronised ones (where
    `synced/joint_states` holds the fingers too). `after`, if given, is called after each image
    or state that reached the sink. Messages that cannot be used are logged (throttled) and
    counted in `refused`, by topic.

    Extrinsics relative to the hand (a wrist camera) go to the sink's `set_mount(camera,
    T_ee_camera)` where it has one; else every pose sets T_base_camera anew, which is exact for
    synchronised streams, where pose and image share their stamp.
    """

    def __init__(
        self,
        node: Node,
        sink: FrameSink,
        cameras: Sequence[str],
        depth: bool = True,
        prefix: str = "",
        after: Callable[[], None] | None = None,
    ) -> None:
        self.refused: Counter[str] = Counter()
        self._node, self._sink, self._after = node, sink, after
        self._infos: dict[str, Any] = {}
        self._mounts: dict[str, Float64] = {}
        self._polled: list[PolledSubscription] = []
        for camera in cameras:
            self._poll(
                CameraInfo, topics.camera_info(camera, prefix), topics.SENSOR, self._info, camera
            )
            self._listen(Image, topics.color(camera, prefix), topics.SENSOR, self._color, camera)
            if depth:
                self._listen(
                    Image, topics.depth(camera, prefix), topics.SENSOR, self._depth, camera
                )
            self._listen(
                TransformStamped,
                topics.extrinsics(camera),
                topics.LATCHED,
                self._extrinsics,
                camera,
            )
        if prefix:
            self._poll(PoseStamped, prefix + topics.CURRENT_POSE, topics.STATE, self._pose)
            self._poll(
                JointState, prefix + topics.JOINT_STATES, topics.STATE, self._joints_and_gripper
            )
        else:
            self._poll(PoseStamped, topics.CURRENT_POSE, topics.STATE, self._pose)
            self._poll(JointState, topics.JOINT_STATES, topics.STATE, self._joints)
            self._poll(JointState, topics.GRIPPER_JOINT_STATES, topics.STATE, self._gripper)
        node.create_timer(SYNCED_POLL_S if prefix else RAW_POLL_S, self._on_timer)

    def _guarded(
        self, topic: str, take: Callable[..., None], key: tuple[str, ...]
    ) -> Callable[[Any], bool]:
        """`take` with bad messages logged and counted; says whether the message was used."""

        def use(msg: Any) -> bool:
            try:
                take(*key, msg, self._node.get_clock().now().nanoseconds)
            except (DataError, CalibrationError) as error:
                self.refused[topic] += 1
                self._node.get_logger().error(f"{topic}: {error}", throttle_duration_sec=5.0)
                return False
            return True

        return use

    def _listen(
        self, kind: type, topic: str, qos: Any, take: Callable[..., None], *key: str
    ) -> None:
        """For what triggers work: the images."""
        use = self._guarded(topic, take, key)

        def receive(msg: Any) -> None:
            self._drain()
            if use(msg) and self._after is not None:
                self._after()

        self._node.create_subscription(kind, topic, receive, qos)

    def _poll(self, kind: type, topic: str, qos: Any, take: Callable[..., None], *key: str) -> None:
        """For what comes along: taken with the next image or at the next tick."""
        use = self._guarded(topic, take, key)
        self._polled.append(PolledSubscription(self._node, kind, topic, qos, use))

    def _drain(self) -> bool:
        return any([p.drain() for p in self._polled])

    def _on_timer(self) -> None:
        if self._drain() and self._after is not None:
            self._after()

    def _color(self, camera: str, msg: Image, now_ns: int) -> None:
        image = StampedImage(stamp_ns_of(msg), color_from_msg(msg), msg.header.frame_id, now_ns)
        self._sink.add_color(camera, image)

    def _depth(self, camera: str, msg: Image, now_ns: int) -> None:
        image = StampedImage(stamp_ns_of(msg), depth_mm_from_msg(msg), msg.header.frame_id, now_ns)
        self._sink.add_depth(camera, image)

    def _info(self, camera: str, msg: CameraInfo, now_ns: int) -> None:
        known = (msg.width, msg.height, tuple(msg.k))
        if self._infos.get(camera) != known:
            self._sink.set_camera(camera, camera_from_info(msg))
            self._infos[camera] = known

    def _extrinsics(self, camera: str, msg: TransformStamped, now_ns: int) -> None:
        T = transform_from_msg(msg)
        if msg.header.frame_id in HAND_FRAMES:
            set_mount = getattr(self._sink, "set_mount", None)
            if set_mount is not None:
                set_mount(camera, T)
            else:
                self._mounts[camera] = T
            return
        _check_frame(msg.header.frame_id, (*BASE_FRAMES, *HAND_FRAMES))
        self._sink.set_extrinsics(camera, T)

    def _pose(self, msg: PoseStamped, now_ns: int) -> None:
        _check_frame(msg.header.frame_id, BASE_FRAMES)
        T_base_ee = pose_from_msg(msg)
        for camera, T_ee_camera in self._mounts.items():
            self._sink.set_extrinsics(camera, T_base_ee @ T_ee_camera)
        self._sink.add_pose(stamp_ns_of(msg), T_base_ee, now_ns)

    def _joints(self, msg: JointState, now_ns: int) -> None:
        self._sink.add_joints(stamp_ns_of(msg), *joints_from_msg(msg), now_ns)

    def _gripper(self, msg: JointState, now_ns: int) -> None:
        self._sink.add_gripper(stamp_ns_of(msg), gripper_width_from_msg(msg), now_ns)

    def _joints_and_gripper(self, msg: JointState, now_ns: int) -> None:
        self._joints(msg, now_ns)
        self._gripper(msg, now_ns)


def _check_frame(frame_id: str, known: tuple[str, ...]) -> None:
    if frame_id not in known:
        raise DataError(
            f"got frame_id {frame_id!r}, expected one of {', '.join(known)}; "
            "transform it before publishing"
        )
