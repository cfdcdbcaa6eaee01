"""A camera's newest picture for a browser: small, as JPEG, and its depth as a point cloud."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from visuomotor.console.cloud import packed_cloud
from visuomotor.console.wanted import WantedTopics, Watch
from visuomotor.contracts import STEP_NS, Float64, UInt8, UInt16
from visuomotor.errors import DataError
from visuomotor.geometry import PinholeCamera
from visuomotor.ros import topics
from visuomotor.ros.images import color_from_msg, depth_mm_from_msg
from visuomotor.ros.messages import camera_from_info, stamp_ns_of, transform_from_msg
from visuomotor.ros.polled import PolledSubscription
from visuomotor.ros.streams import HAND_FRAMES

JPEG_QUALITY = 80


@dataclass(frozen=True)
class _Stamped:
    stamp_ns: int
    data: Any


class CameraTile:
    """Listens to a camera while its `watch` is touched; `poll` is one thread's.

    prefix: "synced/" or "" as in `topics.color`. width_px: larger pictures are made so wide.
    """

    def __init__(self, node: Node, name: str, prefix: str, width_px: int) -> None:
        self.name, self._width_px = name, width_px
        self.watch = Watch()
        self.error = ""
        self._color: _Stamped | None = None
        self._depth: _Stamped | None = None
        self._camera: PinholeCamera | None = None
        self._mount: tuple[bool, Float64] | None = None
        self._count = 0
        self._seen_s = 0.0
        self._jpeg: tuple[int, bytes] = (0, b"")
        self._mounts = PolledSubscription(
            node, TransformStamped, topics.extrinsics(name), topics.LATCHED, self._at
        )
        self._streams = WantedTopics(
            node,
            self.watch,
            topics.NEWEST_STATE,
            [
                (CameraInfo, topics.camera_info(name, prefix), self._info),
                (Image, topics.depth(name, prefix), self._take_depth),
                (Image, topics.color(name, prefix), self._take_color),
            ],
            self._refuse,
        )

    def poll(self) -> None:
        """Takes what waits."""
        self._mounts.drain()
        self._streams.poll()

    def close(self) -> None:
        """Leaves the topics."""
        self._streams.close()
        self._mounts.close()

    def jpeg(self) -> bytes:
        """The newest picture; empty before the first."""
        color, count = self._color, self._count
        if color is None:
            return b""
        if self._jpeg[0] != count:
            self._jpeg = (count, _encoded(color.data, self._width_px))
        return self._jpeg[1]

    def cloud(self, T_base_ee: Float64 | None) -> bytes:
        """The newest points (`packed_cloud`); empty without depth or the camera's place."""
        color, depth, camera = self._color, self._depth, self._camera
        T = self.T_base_camera(T_base_ee)
        if color is None or depth is None or camera is None or T is None:
            return b""
        apart_ns = abs(color.stamp_ns - depth.stamp_ns)
        if apart_ns > STEP_NS or color.data.shape[:2] != depth.data.shape:
            return b""
        return packed_cloud(color.data, depth.data, camera, T)

    def T_base_camera(self, T_base_ee: Float64 | None) -> Float64 | None:
        """Where it is (4, 4), None while unknown; a camera on the hand needs the hand's pose."""
        if self._mount is None:
            return None
        on_hand, T = self._mount
        if not on_hand:
            return T
        return None if T_base_ee is None else np.asarray(T_base_ee @ T)

    def state(self, T_base_ee: Float64 | None) -> dict[str, Any]:
        """What a page needs to know beside the picture."""
        camera, T = self._camera, self.T_base_camera(T_base_ee)
        return {
            "count": self._count,
            "age_s": round(time.monotonic() - self._seen_s, 2) if self._count else None,
            "size": None if self._color is None else self._color.data.shape[1::-1],
            "K": None if camera is None else [camera.fx, camera.fy, camera.cx, camera.cy],
            "T": None if T is None else np.round(T, 5).tolist(),
            "error": self.error,
        }

    def _at(self, msg: TransformStamped) -> None:
        try:
            self._mount = (msg.header.frame_id in HAND_FRAMES, transform_from_msg(msg))
        except DataError as error:
            self._refuse(str(error))

    def _refuse(self, error: str) -> None:
        """What cannot be used is told on the tile."""
        self.error = error

    def _info(self, msg: CameraInfo) -> None:
        self._camera = camera_from_info(msg)

    def _take_depth(self, msg: Image) -> None:
        depth: UInt16 = depth_mm_from_msg(msg)
        self._depth = _Stamped(stamp_ns_of(msg), depth)

    def _take_color(self, msg: Image) -> None:
        color: UInt8 = color_from_msg(msg)
        self._color = _Stamped(stamp_ns_of(msg), color)
        self._count += 1
        self._seen_s = time.monotonic()
        self.error = ""


class OverlayTile:
    """What the descriptors' node draws into the cameras' pictures, while `watch` is touched."""

    def __init__(self, node: Node) -> None:
        self.watch = Watch()
        self._jpeg = b""
        self._count = 0
        self._seen_s = 0.0
        self._streams = WantedTopics(
            node,
            self.watch,
            topics.NEWEST_STATE,
            [(CompressedImage, topics.OVERLAY, self._take)],
            lambda _: None,
        )

    def poll(self) -> None:
        """Takes what waits."""
        self._streams.poll()

    def close(self) -> None:
        """Leaves the topic."""
        self._streams.close()

    def jpeg(self) -> bytes:
        """The newest picture; empty before the first."""
        return self._jpeg

    def state(self) -> dict[str, Any]:
        """As a camera's."""
        age_s = round(time.monotonic() - self._seen_s, 2) if self._count else None
        return {"count": self._count, "age_s": age_s}

    def _take(self, msg: CompressedImage) -> None:
        self._jpeg = bytes(msg.data)
        self._count += 1
        self._seen_s = time.monotonic()


def _encoded(color: UInt8, width_px: int) -> bytes:
    height, width = color.shape[:2]
    if width > width_px:
        size = (width_px, round(height * width_px / width))
        color = np.asarray(cv2.resize(color, size, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(color, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return bytes(data.tobytes())
