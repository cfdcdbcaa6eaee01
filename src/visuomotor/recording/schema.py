"""What an episode's bag holds: topics, message types and the QoS they were offered with.

Topics are absolute in a bag, as `ros2 bag` writes them; a namespace in front of every one of
them (`/left_arm/synced/...`) is read too.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.typesys import Stores, get_typestore

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
JOINT_STATE = "sensor_msgs/msg/JointState"
POSE = "geometry_msgs/msg/PoseStamped"
TRANSFORM = "geometry_msgs/msg/TransformStamped"
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"

ROBOT_TOPICS = {
    "/synced/current_pose": POSE,
    "/synced/joint_states": JOINT_STATE,
}
"""The robot's state, one message per set and with its stamp; the fingers come after the arm."""

COMMAND_TOPICS = {
    "/command/target_pose": POSE,
    "/command/gripper": JOINT_STATE,
}
"""The accepted targets: what a policy learns to predict."""

_CAMERA = re.compile(
    r"^(?P<namespace>.*)/synced/(?P<camera>[^/]+)/"
    r"(?P<stream>color/compressed|depth/compressedDepth|camera_info)$"
)
_TYPES = {
    r"/current_pose": POSE,
    r"/synced/joint_states": JOINT_STATE,
    r"/(synced/[^/]+|color)/camera_info": CAMERA_INFO,
    r"/synced/[^/]+/(color/compressed|depth/compressedDepth)": COMPRESSED_IMAGE,
    r"/image_raw": IMAGE,
    r"/image_raw/(compressed|compressedDepth)": COMPRESSED_IMAGE,
    r"/[^/]+/extrinsics": TRANSFORM,
    r"/gripper/joint_states": JOINT_STATE,
    r"/command/(target_pose|reference)": POSE,
    r"/command/gripper": JOINT_STATE,
    r"/sim/objects/[^/]+/pose": POSE,
}
_FOREVER = QosTime(9223372036, 854775807)


def camera_topics(camera: str, depth: bool = True) -> dict[str, str]:
    """Topic -> type of one camera; the extrinsics are written at the start and on change."""
    topics = {
        f"/{camera}/extrinsics": TRANSFORM,
        f"/synced/{camera}/camera_info": CAMERA_INFO,
        f"/synced/{camera}/color/compressed": COMPRESSED_IMAGE,
    }
    if depth:
        topics[f"/synced/{camera}/depth/compressedDepth"] = COMPRESSED_IMAGE
    return topics


def parse_camera_topic(topic: str) -> tuple[str, str, str] | None:
    """(namespace, camera, stream) of a camera's synced topic, None for any other.

    stream: "color/compressed", "depth/compressedDepth" or "camera_info".
    """
    match = _CAMERA.match(topic)
    return (match["namespace"], match["camera"], match["stream"]) if match else None


def expected_type(topic: str) -> str | None:
    """The message type of a topic that is read here, behind any namespace; None for any other."""
    for ending, msgtype in _TYPES.items():
        if re.search(f"{ending}$", topic):
            return msgtype
    return None


def offered_qos(topic: str) -> Qos:
    """The QoS a topic is offered with, so that `ros2 bag play` publishes it likewise."""
    latched = topic.endswith("/extrinsics")
    sensor = "/synced/" in topic
    return Qos(
        QosHistory.KEEP_LAST,
        1 if latched else 5 if sensor else 10,
        QosReliability.BEST_EFFORT if sensor else QosReliability.RELIABLE,
        QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        _FOREVER,
        _FOREVER,
        QosLiveliness.AUTOMATIC,
        _FOREVER,
        False,
    )


@cache
def typestore() -> Any:
    """The message definitions that bags are written with; read bags bring their own."""
    return get_typestore(Stores.ROS2_JAZZY)
