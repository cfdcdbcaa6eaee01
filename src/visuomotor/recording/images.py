"""Images of a bag, raw or compressed, as arrays."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import UInt8, UInt16
from visuomotor.errors import DataError
from visuomotor.recording.compression import decompress_color, decompress_depth

COLOR = {"rgb8": None, "bgr8": cv2.COLOR_BGR2RGB, "rgba8": cv2.COLOR_RGBA2RGB,
         "bgra8": cv2.COLOR_BGRA2RGB, "mono8": cv2.COLOR_GRAY2RGB}  # fmt: skip
CHANNELS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1}
DEPTH = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}


def color_of(message: Any, where: str) -> UInt8:
    """(H, W, 3) uint8 RGB of an Image or a CompressedImage; DataError naming `where`."""
    if hasattr(message, "format"):
        return decompress_color(message.data, where)
    if message.encoding not in COLOR:
        raise DataError(
            f"{where}: got encoding {message.encoding!r}, expected one of {', '.join(COLOR)}; set "
            "the camera driver to one of these"
        )
    channels = CHANNELS[message.encoding]
    pixels = _pixels(message, "u1", channels, where)
    code = COLOR[message.encoding]
    rgb: UInt8 = np.ascontiguousarray(pixels) if code is None else cv2.cvtColor(pixels, code)
    return rgb


def depth_of(message: Any, where: str) -> UInt16:
    """(H, W) uint16 mm, 0 where nothing was measured, of an Image or a compressedDepth."""
    if hasattr(message, "format"):
        return decompress_depth(message.data, message.format, where)
    if message.encoding not in DEPTH:
        raise DataError(
            f"{where}: got encoding {message.encoding!r}, expected one of {', '.join(DEPTH)}; set "
            "the camera driver to one of these"
        )
    pixels = _pixels(message, DEPTH[message.encoding], 1, where)
    if message.encoding != "32FC1":
        return pixels.astype(np.uint16)
    millimetres = 1e3 * pixels.astype(np.float64) + 0.5
    with np.errstate(invalid="ignore"):
        valid = (millimetres > 0) & (millimetres < 65536)
    return np.where(valid, millimetres, 0).astype(np.uint16)


def _pixels(message: Any, kind: str, channels: int, where: str) -> NDArray[Any]:
    dtype = np.dtype(kind).newbyteorder(">" if message.is_bigendian else "<")
    row = message.width * channels * dtype.itemsize
    data = np.ascontiguousarray(message.data, np.uint8)
    if message.step < row or data.size < message.step * (message.height - 1) + row or not row:
        raise DataError(
            f"{where}: got {message.width}x{message.height} {message.encoding} with step "
            f"{message.step} and {data.size} bytes, expected more; the bag is damaged"
        )
    shape = (message.height, message.width, channels)[: 3 if channels > 1 else 2]
    strides = (message.step, channels * dtype.itemsize, dtype.itemsize)[: len(shape)]
    view: NDArray[Any] = np.ndarray(shape, dtype, data, 0, strides)
    return view
