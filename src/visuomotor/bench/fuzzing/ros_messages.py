"""Messages that another node may send: every field within its type, and nothing else promised."""

from __future__ import annotations

import array
import json
import math
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, TransformStamped, WrenchStamped
from sensor_msgs.msg import CameraInfo, Image, JointState, PointCloud2, PointField

from visuomotor.bench.fuzzing.mutation import INTERESTING
from visuomotor.bench.fuzzing.target import Target, Violation
from visuomotor.contracts import CameraFrame, RobotState, SyncedFrame
from visuomotor.errors import VisuomotorError
from visuomotor.geometry import is_pose
from visuomotor.observations import CameraSpec, ObservationSpec, observe, view_color
from visuomotor.ros.images import LAYOUTS, color_from_msg, depth_mm_from_msg
from visuomotor.ros.markers import keypoint_cloud, keypoints_from_cloud
from visuomotor.ros.messages import (
    ARM_JOINTS,
    FINGER_JOINTS,
    camera_from_info,
    gripper_command_from_msg,
    gripper_width_from_msg,
    joints_from_msg,
    pose_from_msg,
    stamp_ns_of,
    time_msg,
    transform_from_msg,
    wrench_from_msg,
)

REALS = (
    0.0, -0.0, 1.0, -1.0, 0.5, 1e-9, 5e-324, 1e-310, 1e30, 1.7e308, -1.7e308, math.nan, math.inf,
    -math.inf,
)  # fmt: skip
_ENCODINGS = (*LAYOUTS, "", "bayer_rggb8", "yuv422", "8UC3", "rgb16", "32FC3", "64FC1", "RGB8\0")
_SPEC = CameraSpec("front", 12, 16)


def image(folder: Path) -> Target:
    """sensor_msgs/Image: a header in JSON, a newline, and the data."""

    def make(rng: Random) -> bytes:
        encoding = rng.choice(_ENCODINGS)
        kind, channels = LAYOUTS.get(encoding, ("u1", 3))
        row = channels * int(kind[1])
        height, width = rng.choice((0, 1, 2, 7, 16)), rng.choice((0, 1, 3, 8, 24))
        step = width * row + rng.choice((0, 0, 1, 5))
        size = step * height
        if rng.random() < 0.6:
            size = max(0, size + rng.choice((-size, -row, -1, 1, 17)))
        if rng.random() < 0.3:
            height, width, step = (_off(rng, v) for v in (height, width, step))
        head = [height, width, encoding, rng.choice((0, 1, 255)), step]
        return json.dumps(head).encode() + b"\n" + rng.randbytes(size)

    def use(data: bytes) -> None:
        head, _, pixels = data.partition(b"\n")
        height, width, encoding, big, step = json.loads(head)
        msg = Image(height=height, width=width, encoding=encoding, is_bigendian=big, step=step)
        msg.data = array.array("B", pixels)
        refused: list[VisuomotorError] = []
        try:
            color = color_from_msg(msg)
            _check(color, (height, width, 3), "uint8")
            _check(view_color(color, _SPEC), (12, 16, 3), "uint8")
        except VisuomotorError as error:
            refused.append(error)
        try:
            _check(depth_mm_from_msg(msg), (height, width), "uint16")
        except VisuomotorError as error:
            refused.append(error)
        if len(refused) == 2:
            raise refused[0]

    return Target(make, use)


def camera_info(folder: Path) -> Target:
    """sensor_msgs/CameraInfo, and a set that is seen with it."""

    def make(rng: Random) -> bytes:
        size = [rng.choice((0, 1, 16, 24, 640, 2**31, 2**32 - 1)) for _ in range(2)]
        k = [20.0, 0.0, 12.0, 0.0, 20.0, 8.0, 0.0, 0.0, 1.0]
        for _ in range(rng.choice((0, 1, 3))):
            k[rng.randrange(9)] = rng.choice(REALS)
        return json.dumps([*size, k]).encode()

    def use(data: bytes) -> None:
        height, width, k = json.loads(data)
        camera = camera_from_info(CameraInfo(height=height, width=width, k=k))
        small = np.zeros((min(height, 64), min(width, 64)), np.uint16)
        color = np.zeros((*small.shape, 3), np.uint8)
        robot = RobotState(0, np.eye(4), np.zeros(7), np.zeros(7), 0.0)
        seen = CameraFrame(color, small, camera, np.eye(4))
        view = observe(SyncedFrame(0, {"front": seen}, robot), ObservationSpec((_SPEC,)))
        if not np.isfinite(view.views["front"].K).all():
            raise Violation("a view with a camera matrix that is not finite")

    return Target(make, use)


def state(folder: Path) -> Target:
    """Poses, transforms, wrenches and joint states, by the first entry of a JSON list."""

    def make(rng: Random) -> bytes:
        stamp = [rng.choice((0, 1, -1, 2**31 - 1, -(2**31))), rng.choice((0, 10**9, 2**32 - 1))]
        frame = rng.choice(("fr3_link0", "", "map", "é" * 99, "a\0"))
        names = [*ARM_JOINTS, *FINGER_JOINTS]
        if rng.random() < 0.5:
            rng.shuffle(names)
            names = names[: rng.randrange(10)] + rng.choice(([], ["_joint1"], ["finger"] * 3))
        counts = [rng.choice((len(names), 0, 1, 7, 9, 20)) for _ in range(2)]
        reals = [_real(rng) for _ in range(7)]
        lists = [[_real(rng) for _ in range(n)] for n in counts]
        return json.dumps([rng.randrange(4), stamp, frame, reals, names, *lists]).encode()

    def use(data: bytes) -> None:
        kind, stamp, frame, v, names, position, velocity = json.loads(data)
        msg: Any = (PoseStamped, TransformStamped, WrenchStamped, JointState)[kind]()
        msg.header.stamp.sec, msg.header.stamp.nanosec = stamp
        msg.header.frame_id = frame
        time_msg(stamp_ns_of(msg) % 2**60)
        if kind == 3:
            msg.name, msg.position, msg.velocity = names, position, velocity
            _joints(msg)
        elif kind == 2:
            force, torque = msg.wrench.force, msg.wrench.torque
            force.x, force.y, force.z, torque.x, torque.y, torque.z = v[:6]
            _check(wrench_from_msg(msg), (6,), "float64")
        else:
            place, turn = (
                (msg.pose.position, msg.pose.orientation)
                if kind == 0
                else (msg.transform.translation, msg.transform.rotation)
            )
            place.x, place.y, place.z, turn.x, turn.y, turn.z, turn.w = v
            T = pose_from_msg(msg) if kind == 0 else transform_from_msg(msg)
            if np.isfinite(T[:3, 3]).all() and np.abs(T[:3, 3]).max() < 1e100 and not is_pose(T):
                raise Violation("a pose whose rotation is none")

    return Target(make, use)


def cloud(folder: Path) -> Target:
    """sensor_msgs/PointCloud2: its fields in JSON, a newline, and the data."""
    whole = keypoint_cloud(np.random.default_rng(0).random((5, 3)), np.ones(5), 0)
    fields = [[f.name, f.offset, f.datatype, f.count] for f in whole.fields]

    def make(rng: Random) -> bytes:
        own = [list(f) for f in fields]
        for _ in range(rng.choice((0, 1, 2))):
            field = rng.choice(own)
            at = rng.randrange(4)
            field[at] = (
                rng.choice(("x", "y", "", "rgb", "x ")) if at == 0 else _off(rng, int(field[at]))
            )
            field[2] = int(field[2]) & 255
        if rng.random() < 0.2:
            del own[rng.randrange(len(own))]
        shape = [1, 5, whole.point_step, whole.row_step]
        if rng.random() < 0.6:
            at = rng.randrange(4)
            shape[at] = _off(rng, shape[at])
        size = max(0, len(whole.data) + rng.choice((0, 0, 0, -1, -20, -99, 1, 20)))
        head = [own, shape, rng.random() < 0.3, rng.choice(("fr3_link0", "base", "", "map"))]
        return json.dumps(head).encode() + b"\n" + (bytes(whole.data) * 2)[:size]

    def use(data: bytes) -> None:
        head, _, rest = data.partition(b"\n")
        own, shape, big, frame = json.loads(head)
        msg = PointCloud2(is_bigendian=big, data=array.array("B", rest))
        msg.header.frame_id = frame
        msg.height, msg.width, msg.point_step, msg.row_step = shape
        msg.fields = [
            PointField(name=n, offset=o, datatype=kind, count=count) for n, o, kind, count in own
        ]
        points, weights = keypoints_from_cloud(msg)
        _check(points, (shape[0] * shape[1], 3), "float64")
        _check(weights, (len(points),), "float64")

    return Target(make, use)


def _joints(msg: JointState) -> None:
    """All that a JointState is read for; refused where it is good for nothing."""
    refused: list[VisuomotorError] = []
    for read in (joints_from_msg, gripper_width_from_msg, gripper_command_from_msg):
        try:
            read(msg)
        except VisuomotorError as error:
            refused.append(error)
    if len(refused) == 3:
        raise refused[0]


def _real(rng: Random) -> float:
    return rng.choice(REALS) if rng.random() < 0.2 else rng.uniform(-1, 1)


def _off(rng: Random, value: int) -> int:
    """Another uint32."""
    near = value + rng.choice((-1, 1, 4, 1000))
    return (rng.choice(INTERESTING) if rng.random() < 0.5 else max(near, 0)) & 0xFFFFFFFF


def _check(values: Any, shape: tuple[int, ...], dtype: str) -> None:
    if values.shape != shape or values.dtype != dtype:
        raise Violation(f"got {values.shape} {values.dtype}, expected {shape} {dtype}")
