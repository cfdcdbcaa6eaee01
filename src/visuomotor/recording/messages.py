"""Plain data <-> CDR of the few message types of an episode, without ROS."""

from __future__ import annotations

from typing import Any

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import PinholeCamera, pose_from_quat_xyzw, quat_xyzw_from_matrix
from visuomotor.recording.schema import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    JOINT_STATE,
    POSE,
    TRANSFORM,
    typestore,
)

BASE_FRAME = "fr3_link0"
ARM_JOINTS = tuple(f"fr3_joint{i}" for i in range(1, 8))
FINGER_JOINTS = ("fr3_finger_joint1", "fr3_finger_joint2")


def optical_frame(camera: str) -> str:
    """The frame a camera's images are in, as realsense2_camera names it."""
    return f"{camera}_color_optical_frame"


def pose_cdr(stamp_ns: int, T: Float64, frame_id: str = BASE_FRAME) -> bytes:
    """PoseStamped of T (4, 4)."""
    types = typestore().types
    message = types[POSE](_header(stamp_ns, frame_id), _pose(T))
    return _cdr(message, POSE)


def transform_cdr(stamp_ns: int, T: Float64, child: str, parent: str = BASE_FRAME) -> bytes:
    """TransformStamped of T_parent_child (4, 4)."""
    types = typestore().types
    x, y, z = (float(v) for v in T[:3, 3])
    transform = types["geometry_msgs/msg/Transform"](
        types["geometry_msgs/msg/Vector3"](x, y, z), _quaternion(T)
    )
    return _cdr(types[TRANSFORM](_header(stamp_ns, parent), child, transform), TRANSFORM)


def joints_cdr(stamp_ns: int, q: Float64, dq: Float64, gripper_width_m: float) -> bytes:
    """JointState of the arm, q and dq (7,), then the two fingers, each at half the width."""
    position = np.append(q, np.full(2, gripper_width_m / 2))
    return _joint_state(stamp_ns, ARM_JOINTS + FINGER_JOINTS, position, np.append(dq, np.zeros(2)))


def gripper_command_cdr(stamp_ns: int, width_m: float) -> bytes:
    """JointState of a gripper command: position[0] is the full width in metres."""
    return _joint_state(stamp_ns, ("gripper_width",), np.array([width_m]), np.zeros(0))


def camera_info_cdr(stamp_ns: int, camera: PinholeCamera, frame_id: str) -> bytes:
    """CameraInfo of an undistorted pinhole camera."""
    types = typestore().types
    K = camera.matrix
    P = np.zeros((3, 4))
    P[:, :3] = K
    message = types[CAMERA_INFO](
        header=_header(stamp_ns, frame_id),
        height=camera.height,
        width=camera.width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=K.reshape(-1),
        r=np.eye(3).reshape(-1),
        p=P.reshape(-1),
        binning_x=0,
        binning_y=0,
        roi=types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False),
    )
    return _cdr(message, CAMERA_INFO)


def image_cdr(stamp_ns: int, frame_id: str, encoding: str, data: bytes) -> bytes:
    """CompressedImage of compressed bytes."""
    array = np.frombuffer(data, np.uint8)
    message = typestore().types[COMPRESSED_IMAGE](_header(stamp_ns, frame_id), encoding, array)
    return _cdr(message, COMPRESSED_IMAGE)


def stamp_of(message: Any) -> int:
    """The header's stamp in nanoseconds."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def pose_of(message: Any) -> Float64:
    """T (4, 4) of a PoseStamped."""
    p, q = message.pose.position, message.pose.orientation
    return pose_from_quat_xyzw((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))


def transform_of(message: Any) -> Float64:
    """T_parent_child (4, 4) of a TransformStamped."""
    p, q = message.transform.translation, message.transform.rotation
    return pose_from_quat_xyzw((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))


def camera_of(message: Any) -> PinholeCamera:
    """The pinhole camera of a CameraInfo; ValueError if it is uncalibrated."""
    return PinholeCamera.from_matrix(int(message.width), int(message.height), message.k)


def joints_of(message: Any) -> tuple[Float64, Float64]:
    """The arm's q and dq (7,) by the joints' names, whatever their prefix and order.

    Velocities that are not there are zero. Raises ValueError where an arm joint is missing.
    """
    arm = [(i, n) for i, n in enumerate(message.name) if "finger" not in n]
    index = [next((i for i, n in arm if n.endswith(f"_joint{j}")), -1) for j in range(1, 8)]
    position = np.asarray(message.position, np.float64)
    velocity = np.asarray(message.velocity, np.float64)
    if min(index) < 0 or max(index) >= len(position):
        raise ValueError(
            f"got joints {list(message.name)} with {len(position)} positions, "
            "expected seven named *_joint1 to *_joint7"
        )
    return position[index], velocity[index] if len(velocity) > max(index) else np.zeros(7)


def width_of(message: Any) -> float | None:
    """The gripper's full width of a JointState with two finger joints, None without them."""
    if len(message.position) < len(message.name):
        return None
    fingers = [i for i, name in enumerate(message.name) if "finger" in name]
    if len(fingers) != 2:
        return None
    return float(message.position[fingers[0]] + message.position[fingers[1]])


def _header(stamp_ns: int, frame_id: str) -> Any:
    types = typestore().types
    sec, nanosec = divmod(int(stamp_ns), 1_000_000_000)
    return types["std_msgs/msg/Header"](
        types["builtin_interfaces/msg/Time"](sec, nanosec), frame_id
    )


def _pose(T: Float64) -> Any:
    types = typestore().types
    x, y, z = (float(v) for v in T[:3, 3])
    return types["geometry_msgs/msg/Pose"](
        types["geometry_msgs/msg/Point"](x, y, z), _quaternion(T)
    )


def _quaternion(T: Float64) -> Any:
    x, y, z, w = (float(v) for v in quat_xyzw_from_matrix(T[:3, :3]))
    return typestore().types["geometry_msgs/msg/Quaternion"](x, y, z, w)


def _joint_state(
    stamp_ns: int, names: tuple[str, ...], position: Float64, velocity: Float64
) -> bytes:
    message = typestore().types[JOINT_STATE](
        _header(stamp_ns, ""),
        list(names),
        np.asarray(position, np.float64),
        np.asarray(velocity, np.float64),
        np.zeros(0),
    )
    return _cdr(message, JOINT_STATE)


def _cdr(message: Any, msgtype: str) -> bytes:
    return bytes(typestore().serialize_cdr(message, msgtype))
