"""sensor_msgs/Image <-> arrays: the common encodings without cv_bridge, most without a copy."""

from __future__ import annotations

import array
import sys
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image

from visuomotor.contracts import UInt8, UInt16
from visuomotor.errors import DataError
from visuomotor.ros.messages import time_msg

LAYOUTS: dict[str, tuple[str, int]] = {
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "rgba8": ("u1", 4),
    "bgra8": ("u1", 4),
    "mono8": ("u1", 1),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
    "32FC1": ("f4", 1),
}
"""encoding -> (NumPy type without byte order, channels)."""

COLOR_ENCODINGS = ("rgb8", "bgr8", "rgba8", "bgra8", "mono8", "mono16")
DEPTH_ENCODINGS = ("16UC1", "mono16", "32FC1")

_TO_RGB = {
    "bgr8": cv2.COLOR_BGR2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgra8": cv2.COLOR_BGRA2RGB,
    "mono8": cv2.COLOR_GRAY2RGB,
}


def color_from_msg(msg: Image) -> UInt8:
    """(H, W, 3) uint8 RGB of a colour or grey image.

    rgb8 is a view on the message (rows may be padded); the other encodings are converted, what
    is not in COLOR_ENCODINGS by cv_bridge where it is installed. mono16 keeps its high byte.
    Raises DataError for an image that is shorter than it says or of another encoding.
    """
    if msg.encoding not in COLOR_ENCODINGS:
        return cast(UInt8, _by_cv_bridge(msg, "rgb8", COLOR_ENCODINGS))
    pixels = _pixels(msg)
    if msg.encoding == "rgb8":
        return cast(UInt8, pixels)
    if msg.encoding == "mono16":
        grey = (pixels >> 8).astype(np.uint8)
        return cast(UInt8, cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
    return cast(UInt8, cv2.cvtColor(pixels, _TO_RGB[msg.encoding]))


def depth_mm_from_msg(msg: Image) -> UInt16:
    """(H, W) uint16 depth in mm, 0 where nothing was measured.

    16UC1 and mono16 are mm (a view on the message where the byte order is ours), 32FC1 is
    metres: NaN, infinite, negative and more than 65.535 m become 0. Raises DataError as
    `color_from_msg`.
    """
    if msg.encoding not in DEPTH_ENCODINGS:
        return cast(UInt16, _by_cv_bridge(msg, "16UC1", DEPTH_ENCODINGS))
    pixels = _pixels(msg)
    return mm_from_m(pixels) if msg.encoding == "32FC1" else cast(UInt16, pixels)


def mm_from_m(depth_m: NDArray[Any]) -> UInt16:
    """uint16 mm of depth in m; NaN, infinite, negative and over 65.535 m become 0."""
    scaled = np.multiply(depth_m, 1000.0, dtype=np.float32) + np.float32(0.5)
    with np.errstate(invalid="ignore"):
        valid = (scaled > 0) & (scaled < 65536)
    return np.where(valid, scaled, 0).astype(np.uint16)


def color_msg(color: UInt8, stamp_ns: int, frame_id: str) -> Image:
    """An rgb8 Image of (H, W, 3) uint8 RGB."""
    if color.ndim != 3 or color.shape[2] != 3 or color.dtype != np.uint8:
        raise DataError(
            f"colour image: got {color.shape} {color.dtype}, expected (H, W, 3) uint8 RGB"
        )
    return _message(color, "rgb8", stamp_ns, frame_id)


def depth_msg(depth_mm: UInt16, stamp_ns: int, frame_id: str) -> Image:
    """A 16UC1 Image of (H, W) uint16 depth in mm."""
    if depth_mm.ndim != 2 or depth_mm.dtype != np.uint16:
        raise DataError(
            f"depth image: got {depth_mm.shape} {depth_mm.dtype}, expected (H, W) uint16 in mm"
        )
    return _message(depth_mm, "16UC1", stamp_ns, frame_id)


def jpeg_msg(color: UInt8, stamp_ns: int, frame_id: str, quality: int = 90) -> CompressedImage:
    """A JPEG CompressedImage of (H, W, 3) uint8 RGB."""
    bgr = cv2.cvtColor(color, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    msg = CompressedImage()
    msg.header.stamp = time_msg(stamp_ns)
    msg.header.frame_id = frame_id
    msg.format = "rgb8; jpeg compressed bgr8"
    msg.data = encoded.tobytes()
    return msg


def _message(pixels: NDArray[Any], encoding: str, stamp_ns: int, frame_id: str) -> Image:
    msg = Image()
    msg.header.stamp = time_msg(stamp_ns)
    msg.header.frame_id = frame_id
    msg.height, msg.width = pixels.shape[:2]
    msg.encoding = encoding
    msg.is_bigendian = int(sys.byteorder == "big")
    msg.step = pixels.shape[1] * int(np.prod(pixels.shape[2:])) * pixels.itemsize
    # An array.array is the one type that rclpy takes over without looking at every element.
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(pixels).data.cast("B"))
    msg.data = data
    return msg


def _pixels(msg: Image) -> NDArray[Any]:
    """A view (H, W[, C]) in native byte order on the message's data; a copy if it is swapped."""
    kind, channels = LAYOUTS[msg.encoding]
    dtype = np.dtype(kind).newbyteorder(">" if msg.is_bigendian else "<")
    row = msg.width * channels * dtype.itemsize
    size = memoryview(msg.data).nbytes
    needed = msg.step * (msg.height - 1) + row
    if msg.width == 0 or msg.height == 0 or msg.step < row or size < needed:
        raise DataError(
            f"image {msg.header.frame_id!r}: got {msg.width}x{msg.height} {msg.encoding} with "
            f"step {msg.step} and {size} bytes, expected a step of at least {row} and "
            f"{max(needed, 1)} bytes; check the camera driver"
        )
    shape = (msg.height, msg.width, channels)[: 3 if channels > 1 else 2]
    strides = (msg.step, channels * dtype.itemsize, dtype.itemsize)[: len(shape)]
    view: NDArray[Any] = np.ndarray(shape, dtype, msg.data, 0, strides)
    return view if dtype.isnative else view.astype(dtype.newbyteorder("="))


def _by_cv_bridge(msg: Image, encoding: str, known: tuple[str, ...]) -> NDArray[Any]:
    refused = (
        f"image {msg.header.frame_id!r}: got encoding {msg.encoding!r}, expected one of "
        f"{', '.join(known)}"
    )
    try:
        from cv_bridge import CvBridge
    except ImportError:
        raise DataError(
            f"{refused}; set the camera driver to one of these, or install cv_bridge of a "
            "ROS 2 distribution"
        ) from None
    try:
        converted: NDArray[Any] = np.asarray(CvBridge().imgmsg_to_cv2(msg, encoding))
    except Exception as error:
        raise DataError(f"{refused}; cv_bridge could not convert it either: {error}") from error
    return converted
