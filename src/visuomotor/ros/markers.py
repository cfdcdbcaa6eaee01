"""What a policy sees and wants, drawn for RViz and Foxglove."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from geometry_msgs.msg import Point, Transform
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import ColorRGBA
from trajectory_msgs.msg import MultiDOFJointTrajectory, MultiDOFJointTrajectoryPoint
from visualization_msgs.msg import Marker, MarkerArray

from visuomotor.contracts import BASE_FRAMES, STEP_NS, Float64
from visuomotor.errors import DataError
from visuomotor.ros.messages import BASE_FRAME, time_msg, transform_msg

LIFETIME_NS = 500_000_000
"""What is not shown again within this time is gone: a policy that holds has nothing in view."""


def policy_markers(
    info: Mapping[str, NDArray[np.float64]], target: Float64, stamp_ns: int
) -> MarkerArray:
    """What a chunk's info holds of these, all in base, and the target's position.

    keypoints (K, 3), one hue each, the fainter the less their confidence (K,). Of an attention:
    attended (1, 3), the point that is followed; action_target (1, 3), where to; region_corners
    (K, 4, 3), the images' regions as rectangles.
    """
    points = info.get("keypoints", np.zeros((0, 3)))
    spheres = _marker(0, "keypoints", Marker.SPHERE_LIST, 0.008, stamp_ns)
    colors = _hues(len(points), info.get("confidence"))
    for p, color in zip(points, colors, strict=True):
        if np.isfinite(p).all():
            spheres.points.append(_point(p))
            spheres.colors.append(color)
    goal = _marker(1, "target", Marker.SPHERE, 0.015, stamp_ns)
    goal.pose.position.x, goal.pose.position.y, goal.pose.position.z = map(float, target[:3, 3])
    goal.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=0.8)
    return MarkerArray(markers=[spheres, goal, *_attention_markers(info, colors, stamp_ns)])


def _attention_markers(
    info: Mapping[str, NDArray[np.float64]], colors: Sequence[ColorRGBA], stamp_ns: int
) -> list[Marker]:
    """The attended point, the action's target and the regions, where there are any."""
    markers = []
    for number, (name, rgb) in enumerate(
        {"attended": (1.0, 0.1, 0.1), "action_target": (1.0, 0.9, 0.1)}.items(), start=2
    ):
        for p in info.get(name, np.zeros((0, 3)))[:1]:
            sphere = _marker(number, name, Marker.SPHERE, 0.02, stamp_ns)
            sphere.pose.position = _point(p)
            sphere.color = ColorRGBA(r=rgb[0], g=rgb[1], b=rgb[2], a=0.9)
            markers.append(sphere)
    corners = info.get("region_corners", np.zeros((0, 4, 3)))
    if len(corners):
        lines = _marker(4, "regions", Marker.LINE_LIST, 0.002, stamp_ns)
        for box, color in zip(corners, colors, strict=True):
            for a, b in zip(box, np.roll(box, -1, axis=0), strict=True):
                lines.points += [_point(a), _point(b)]
                lines.colors += [color, color]
        markers.append(lines)
    return markers


def _hues(count: int, confidence: NDArray[np.float64] | None) -> list[ColorRGBA]:
    """A colour for each of so many, its opacity by its confidence relative to the greatest."""
    alpha = np.ones(count)
    if confidence is not None and len(confidence) == count and count and confidence.max() > 0:
        alpha = 0.2 + 0.8 * np.clip(confidence / confidence.max(), 0, 1)
    hues = [colorsys.hsv_to_rgb(k / count, 0.9, 1.0) for k in range(count)]
    return [ColorRGBA(r=r, g=g, b=b, a=float(a)) for (r, g, b), a in zip(hues, alpha, strict=True)]


def _point(p: NDArray[np.float64]) -> Point:
    return Point(x=float(p[0]), y=float(p[1]), z=float(p[2]))


def trajectory_msg(poses: Float64, stamp_ns: int) -> MultiDOFJointTrajectory:
    """Poses (T, 4, 4) in base, one control step apart; stamp_ns: the set they answer."""
    msg = MultiDOFJointTrajectory()
    msg.header.stamp = time_msg(stamp_ns)
    msg.header.frame_id = BASE_FRAME
    msg.joint_names = ["end_effector"]
    for i, T in enumerate(poses):
        transform: Transform = transform_msg(T, stamp_ns, BASE_FRAME, "target").transform
        point = MultiDOFJointTrajectoryPoint(transforms=[transform])
        point.time_from_start.nanosec = i * STEP_NS % 10**9
        point.time_from_start.sec = i * STEP_NS // 10**9
        msg.points.append(point)
    return msg


def keypoint_cloud(points: Float64, confidence: Float64, stamp_ns: int) -> PointCloud2:
    """A PointCloud2 in base of points (K, 3) with fields x, y, z, confidence and id."""
    values = np.zeros(
        len(points),
        [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("confidence", "<f4"), ("id", "<u4")],
    )
    values["x"], values["y"], values["z"] = points.T
    values["confidence"], values["id"] = confidence, np.arange(len(points))
    msg = PointCloud2()
    msg.header.stamp = time_msg(stamp_ns)
    msg.header.frame_id = BASE_FRAME
    msg.height, msg.width = 1, len(points)
    kinds = [PointField.FLOAT32] * 4 + [PointField.UINT32]
    names = ("x", "y", "z", "confidence", "id")
    msg.fields = [
        PointField(name=n, offset=4 * i, datatype=kind, count=1)
        for i, (n, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    msg.point_step = values.itemsize
    msg.row_step = values.nbytes
    msg.data = values.tobytes()
    msg.is_dense = bool(np.isfinite(points).all())
    return msg


def keypoints_from_cloud(msg: PointCloud2) -> tuple[Float64, Float64]:
    """Points (K, 3) in base and confidences (K,) of a cloud; those are 1 where it has none.

    Raises DataError for a cloud without float32 x, y and z, or in another frame.
    """
    offsets = {f.name: f.offset for f in msg.fields if f.datatype == PointField.FLOAT32}
    if msg.header.frame_id not in BASE_FRAMES or not {"x", "y", "z"} <= set(offsets):
        raise DataError(
            f"keypoints: got fields {sorted(offsets)} in frame {msg.header.frame_id!r}, expected "
            f"float32 x, y, z in one of {', '.join(BASE_FRAMES)}"
        )
    names = [n for n in ("x", "y", "z", "confidence") if n in offsets]
    count, data = msg.width * msg.height, bytes(msg.data)
    last = max(offsets[n] for n in names)
    if last + 4 > msg.point_step or msg.point_step * count > len(data):
        raise DataError(
            f"keypoints: got {count} points of {msg.point_step} bytes with fields up to byte "
            f"{last + 4} in {len(data)} bytes, expected points that hold their fields, and data "
            "that holds the points"
        )
    layout = np.dtype(
        {
            "names": names,
            "formats": [">f4" if msg.is_bigendian else "<f4"] * len(names),
            "offsets": [offsets[n] for n in names],
            "itemsize": msg.point_step,
        }
    )
    rows = np.frombuffer(data, layout, count) if count else np.empty(0, layout)
    points = np.stack([rows[n].astype(float) for n in ("x", "y", "z")], axis=1)
    weights = rows["confidence"] if "confidence" in offsets else np.ones(len(rows))
    return points, weights.astype(float)


def _marker(number: int, name: str, kind: int, size_m: float, stamp_ns: int) -> Marker:
    marker = Marker(ns=name, id=number, type=kind, action=Marker.ADD)
    marker.header.stamp = time_msg(stamp_ns)
    marker.header.frame_id = BASE_FRAME
    marker.scale.x = marker.scale.y = marker.scale.z = size_m
    marker.pose.orientation.w = 1.0
    marker.lifetime.nanosec = LIFETIME_NS
    return marker
