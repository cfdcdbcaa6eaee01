"""Subscribes to all streams of the cameras and the robot and feeds a synchroniser with them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.exceptions import InvalidHandle
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
from visuomotor.ros.periodic import PeriodicThread
from visuomotor.ros.polled import PolledSubscription

HAND_FRAMES = ("fr3_hand_tcp", "panda_hand_tcp")
"""Names of the end effector's frame, the parent of a wrist camera's extrinsics."""


POLL_S = 0.004
"""What a message may wait for; asking all streams in vain costs some 30 µs."""
QUIET_POLLS = 5
"""`after` is called at least every so many polls, to end waits that no message ends."""
SELDOM_POLLS = 10
"""Intrinsics and extrinsics are looked for once in so many."""


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
    """The subscriptions of a node to `cameras` and the robot, polled by a thread of their own.

    prefix "" takes the drivers' topics, "synced/" the synchronised ones (where
    `synced/joint_states` holds the fingers too). `after`, if given, is called after messages that
    reached the sink, and at least every POLL_S * QUIET_POLLS. Messages that cannot be used are
    logged (throttled) and counted in `refused`, by topic.

    The thread holds `lock` while it calls the sink or `after`; hold it, too, to use either in
    another thread. Construct this last, for the thread starts at once.

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
        self.lock = threading.RLock()
        self._node, self._sink, self._after = node, sink, after
        self._infos: dict[str, Any] = {}
        self._mounts: dict[str, Float64] = {}
        self._polled: list[PolledSubscription] = []
        self._seldom: list[PolledSubscription] = []
        self._quiet = self._cycles = 0
        self._listen_to_robot(prefix)
        for camera in cameras:
            self._seldom += [
                self._listen(
                    CameraInfo,
                    topics.camera_info(camera, prefix),
                    topics.SENSOR,
                    self._info,
                    camera,
                ),
                self._listen(
                    TransformStamped,
                    topics.extrinsics(camera),
                    topics.LATCHED,
                    self._extrinsics,
                    camera,
                ),
            ]
            if depth:
                topic = topics.depth(camera, prefix)
                self._polled.append(self._listen(Image, topic, topics.SENSOR, self._depth, camera))
            topic = topics.color(camera, prefix)
            self._polled.append(self._listen(Image, topic, topics.SENSOR, self._color, camera))
        self._thread = PeriodicThread(node, POLL_S, self._cycle, "streams")

    def close(self) -> None:
        """Ends the thread; messages that wait are left."""
        self._thread.stop()

    def _listen_to_robot(self, prefix: str) -> None:
        pose, joints = prefix + topics.CURRENT_POSE, prefix + topics.JOINT_STATES
        take = self._joints_and_gripper if prefix else self._joints
        self._polled += [
            self._listen(PoseStamped, pose, topics.STATE, self._pose),
            self._listen(JointState, joints, topics.STATE, take),
        ]
        if not prefix:
            fingers = topics.GRIPPER_JOINT_STATES
            self._polled.append(self._listen(JointState, fingers, topics.STATE, self._gripper))

    def _listen(
        self, kind: type, topic: str, qos: Any, take: Callable[..., None], *key: str
    ) -> PolledSubscription:
        def use(msg: Any) -> None:
            try:
                take(*key, msg, self._node.get_clock().now().nanoseconds)
            except (DataError, CalibrationError) as error:
                self.refused[topic] += 1
                self._node.get_logger().error(f"{topic}: {error}", throttle_duration_sec=5.0)

        return PolledSubscription(self._node, kind, topic, qos, use)

    def _cycle(self) -> None:
        with self.lock:
            try:
                if self._cycles % SELDOM_POLLS == 0:
                    for seldom in self._seldom:
                        seldom.drain()
                self._cycles += 1
                found = any([p.drain() for p in self._polled])
            except InvalidHandle:  # the node was destroyed
                self._thread.stop()
                return
            self._quiet = 0 if found else self._quiet + 1
            if self._after is not None and self._quiet % QUIET_POLLS == 0:
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
