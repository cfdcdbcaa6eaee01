"""Poses, cameras, joints, gripper and diagnostics as messages, and back.

Stamps are integer nanoseconds, poses (4, 4) `T_base_x` in metres, angles in radians.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, TransformStamped, WrenchStamped
from numpy.typing import ArrayLike
from sensor_msgs.msg import CameraInfo, JointState

from visuomotor.contracts import Float64
from visuomotor.errors import CalibrationError, DataError
from visuomotor.geometry import PinholeCamera, pose_from_quat_xyzw, quat_xyzw_from_matrix

BASE_FRAME = "fr3_link0"
ARM_JOINTS = tuple(f"fr3_joint{i}" for i in range(1, 8))
FINGER_JOINTS = ("fr3_finger_joint1", "fr3_finger_joint2")

OK, WARN, ERROR, STALE = (
    DiagnosticStatus.OK,
    DiagnosticStatus.WARN,
    DiagnosticStatus.ERROR,
    DiagnosticStatus.STALE,
)


def stamp_ns_of(msg: Any) -> int:
    """header.stamp in ns of a message with a header."""
    stamp = msg.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def time_msg(stamp_ns: int) -> Time:
    """A builtin_interfaces/Time of integer nanoseconds."""
    sec, nanosec = divmod(int(stamp_ns), 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


def pose_msg(T: ArrayLike, stamp_ns: int, frame_id: str = BASE_FRAME) -> PoseStamped:
    """A PoseStamped of T (4, 4)."""
    matrix = np.asarray(T, float)
    msg = PoseStamped()
    msg.header.stamp = time_msg(stamp_ns)
    msg.header.frame_id = frame_id
    p, q = msg.pose.position, msg.pose.orientation
    p.x, p.y, p.z = matrix[:3, 3].tolist()
    q.x, q.y, q.z, q.w = quat_xyzw_from_matrix(matrix[:3, :3]).tolist()
    return msg


def pose_from_msg(msg: PoseStamped) -> Float64:
    """T (4, 4) of a PoseStamped; DataError for a quaternion that is none.

    Non-finite positions come through: who takes commands refuses and counts them.
    """
    p, q = msg.pose.position, msg.pose.orientation
    return _pose((p.x, p.y, p.z), (q.x, q.y, q.z, q.w), "pose")


def wrench_from_msg(msg: WrenchStamped) -> Float64:
    """Force in N and torque in Nm (6,)."""
    f, t = msg.wrench.force, msg.wrench.torque
    return np.array([f.x, f.y, f.z, t.x, t.y, t.z])


def transform_msg(T: ArrayLike, stamp_ns: int, parent: str, child: str) -> TransformStamped:
    """A TransformStamped of T_parent_child (4, 4)."""
    matrix = np.asarray(T, float)
    msg = TransformStamped()
    msg.header.stamp = time_msg(stamp_ns)
    msg.header.frame_id, msg.child_frame_id = parent, child
    t, q = msg.transform.translation, msg.transform.rotation
    t.x, t.y, t.z = matrix[:3, 3].tolist()
    q.x, q.y, q.z, q.w = quat_xyzw_from_matrix(matrix[:3, :3]).tolist()
    return msg


def transform_from_msg(msg: TransformStamped) -> Float64:
    """T_parent_child (4, 4) of a TransformStamped; DataError for a quaternion that is none."""
    t, q = msg.transform.translation, msg.transform.rotation
    return _pose((t.x, t.y, t.z), (q.x, q.y, q.z, q.w), "transform")


def camera_info_msg(camera: PinholeCamera, stamp_ns: int, frame_id: str) -> CameraInfo:
    """A CameraInfo of an undistorted camera."""
    msg = CameraInfo()
    msg.header.stamp = time_msg(stamp_ns)
    msg.header.frame_id = frame_id
    msg.width, msg.height = camera.width, camera.height
    msg.distortion_model = "plumb_bob"
    msg.d = [0.0] * 5
    fx, fy, cx, cy = (float(v) for v in (camera.fx, camera.fy, camera.cx, camera.cy))
    msg.k = [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0]
    msg.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    msg.p = [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return msg


def camera_from_info(msg: CameraInfo) -> PinholeCamera:
    """The intrinsics of a CameraInfo; CalibrationError where it has none."""
    try:
        return PinholeCamera.from_matrix(msg.width, msg.height, np.asarray(msg.k, float))
    except ValueError as error:
        raise CalibrationError(f"camera_info of {msg.header.frame_id!r}: {error}") from error


def joint_state_msg(
    q: ArrayLike, dq: ArrayLike, stamp_ns: int, gripper_width_m: float | None = None
) -> JointState:
    """The arm's joints (7,) in rad and rad/s; with a width, the fingers' after them."""
    msg = JointState()
    msg.header.stamp = time_msg(stamp_ns)
    msg.name = list(ARM_JOINTS)
    position, velocity = np.asarray(q, float).tolist(), np.asarray(dq, float).tolist()
    if gripper_width_m is not None:
        msg.name += FINGER_JOINTS
        position += [gripper_width_m / 2] * 2
        velocity += [0.0] * 2
    msg.position, msg.velocity = position, velocity
    return msg


def joints_from_msg(msg: JointState) -> tuple[Float64, Float64]:
    """Q (7,) and dq (7,) of the arm, by the joints' names whatever their prefix and order.

    Velocities that are not there are zero. Raises DataError where an arm joint is missing.
    """
    arm = [(i, name) for i, name in enumerate(msg.name) if "finger" not in name]
    index = [next((i for i, n in arm if n.endswith(f"_joint{j}")), -1) for j in range(1, 8)]
    if not msg.name:
        index = list(range(7))
    if min(index) < 0 or max(index) >= len(msg.position):
        raise DataError(
            f"joint state: got joints {list(msg.name)} with {len(msg.position)} positions, "
            "expected seven named *_joint1 to *_joint7"
        )
    position = np.asarray(msg.position, float)
    velocity = np.asarray(msg.velocity, float)
    dq = velocity[index] if len(velocity) > max(index) else np.zeros(7)
    return position[index], dq


def gripper_msg(width_m: float, stamp_ns: int) -> JointState:
    """The gripper's state as franka_gripper gives it: each finger is half the width."""
    msg = JointState()
    msg.header.stamp = time_msg(stamp_ns)
    msg.name = list(FINGER_JOINTS)
    msg.position = [float(width_m) / 2] * 2
    msg.velocity = [0.0] * 2
    return msg


def gripper_width_from_msg(msg: JointState) -> float:
    """The full width in m of a message with finger joints (alone, or among the arm's).

    Raises DataError where there are no two fingers.
    """
    fingers = [
        p
        for name, p in zip(msg.name, msg.position)  # noqa: B905 (a short message is an error below)
        if "finger" in name
    ]
    if not msg.name and len(msg.position) == 2:
        fingers = list(msg.position)
    if len(fingers) != 2:
        raise DataError(
            f"gripper state: got joints {list(msg.name)} with {len(msg.position)} positions, "
            "expected two finger joints"
        )
    return float(sum(fingers))


def gripper_command_msg(width_m: float, stamp_ns: int) -> JointState:
    """A gripper command: position[0] is the *full* width in m."""
    msg = JointState()
    msg.header.stamp = time_msg(stamp_ns)
    msg.name = ["gripper_width"]
    msg.position = [float(width_m)]
    return msg


def gripper_command_from_msg(msg: JointState) -> float:
    """The full width in m that a gripper command asks for; DataError if it has none."""
    if len(msg.position) < 1:
        raise DataError(
            "gripper command: got no position, expected position[0] = the full width in m"
        )
    return float(msg.position[0])


def diagnostics_msg(
    groups: Mapping[str, Mapping[str, Any]], stamp_ns: int, level: bytes = OK, message: str = ""
) -> DiagnosticArray:
    """One status per name with its key-value pairs, all at one level."""
    msg = DiagnosticArray()
    msg.header.stamp = time_msg(stamp_ns)
    for name, values in groups.items():
        status = DiagnosticStatus(name=name, level=level, message=message)
        status.values = [KeyValue(key=k, value=_text(v)) for k, v in values.items()]
        msg.status.append(status)
    return msg


def diagnostics_from_msg(msg: DiagnosticArray) -> dict[str, dict[str, str]]:
    """Name -> {key: value as text}, the inverse of `diagnostics_msg`."""
    return {s.name: {v.key: v.value for v in s.values} for s in msg.status}


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


def _pose(position: Sequence[float], quat_xyzw: Sequence[float], kind: str) -> Float64:
    length = np.linalg.norm(quat_xyzw)
    if not 0.5 < length < 2.0:  # also refuses NaN
        raise DataError(
            f"{kind}: got the quaternion (x, y, z, w) = {tuple(quat_xyzw)}, expected unit length"
        )
    return pose_from_quat_xyzw(position, quat_xyzw)
