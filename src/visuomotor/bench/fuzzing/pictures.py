"""Pictures and videos: of goals, weak labels and demonstrations, and compressed in messages."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np

from visuomotor.bench.fuzzing.mutation import mutated
from visuomotor.bench.fuzzing.target import Target
from visuomotor.errors import VisuomotorError
from visuomotor.labelling.images import decode, fitted
from visuomotor.recording.compression import DEPTH_FORMAT, decompress_color, decompress_depth
from visuomotor.recording.stills import still
from visuomotor.video.frames import read_video
from visuomotor.video.overlay import write_video

_SIZES = (0, 1, 255, 4096, 20_000, 32_767, 40_000, 65_500, 10**6, 2**31 - 1)


def picture(folder: Path) -> Target:
    """A picture's file: as a goal, as a frame of a folder, as a picture to be labelled."""
    path = folder / "frames" / "1.png"
    path.parent.mkdir()

    def use(data: bytes) -> None:
        path.write_bytes(data)
        _all(
            lambda: still(path, "front"),
            lambda: read_video(path.parent),
            lambda: decode(data, "a picture", 480),
            lambda: fitted(data, "a picture", 64),
        )

    return Target(lambda rng: _picture(rng, (".png", ".jpg", ".bmp", ".webp")), use)


def compressed(folder: Path) -> Target:
    """The data of a CompressedImage after its format, as bags and the graph hold it."""
    kinds = (DEPTH_FORMAT, "rgb8; jpeg compressed bgr8", "", "16UC1; compressedDepth rvl", "jpeg")

    def make(rng: Random) -> bytes:
        data = _picture(rng, (".png", ".jpg"), rng.choice((1, 3)))
        head = struct.pack("<iff", 0, 0.0, 0.0) if rng.random() < 0.5 else b""
        return f"{rng.choice(kinds)}\n".encode() + head + data

    def use(data: bytes) -> None:
        kind, _, rest = data.partition(b"\n")
        array = np.frombuffer(rest, np.uint8)
        _all(
            lambda: decompress_color(array, "a message"),
            lambda: decompress_depth(array, kind.decode(), "a message"),
        )

    return Target(make, use)


def video(folder: Path) -> Target:
    """A video's file; the first byte says which kind."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
    write_video(images, 12.0, folder / "whole.mp4")
    writer = cv2.VideoWriter(
        str(folder / "whole.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 12.0, (48, 32)
    )
    for one in images:
        writer.write(one)
    writer.release()
    whole = [(folder / f"whole.{kind}").read_bytes() for kind in ("mp4", "avi")]

    def make(rng: Random) -> bytes:
        which = rng.randrange(2)
        return bytes([which]) + mutated(whole[which], rng, whole)

    def use(data: bytes) -> None:
        path = folder / ("case.avi" if data[:1] == b"\1" else "case.mp4")
        path.write_bytes(data[1:])
        read_video(path)

    return Target(make, use)


def _picture(rng: Random, kinds: tuple[str, ...], channels: int = 3) -> bytes:
    shape = (9, 13, 3) if channels == 3 else (9, 13)
    pixels = np.frombuffer(rng.randbytes(int(np.prod(shape)) * 2), np.uint16).reshape(shape)
    image: Any = pixels if channels == 1 else (pixels >> 8).astype(np.uint8)
    kind = ".png" if channels == 1 else rng.choice(kinds)
    data = bytes(cv2.imencode(kind, image)[1])
    what = rng.randrange(4)
    if what == 0 and kind == ".png":
        return _resized_png(data, rng)
    if what == 0 and kind == ".jpg":
        return _resized_jpeg(data, rng)
    return data if what == 1 and rng.random() < 0.2 else mutated(data, rng)


def _resized_png(data: bytes, rng: Random) -> bytes:
    """A PNG that says to be of another size, its checksum mended."""
    at = data.index(b"IHDR")
    size = struct.pack(">II", rng.choice(_SIZES), rng.choice(_SIZES))
    header = b"IHDR" + size + data[at + 12 : at + 17]
    return data[:at] + header + struct.pack(">I", zlib.crc32(header)) + data[at + 21 :]


def _resized_jpeg(data: bytes, rng: Random) -> bytes:
    """A JPEG whose frame header says another size."""
    at = data.index(b"\xff\xc0") + 5
    size = struct.pack(">HH", *(min(rng.choice(_SIZES), 65_535) for _ in range(2)))
    return data[:at] + size + data[at + 4 :]


def _all(*ways: Callable[[], Any]) -> None:
    """Tries each, also where one before it refused; refused where none could use it."""
    refused = []
    for way in ways:
        try:
            way()
        except VisuomotorError as error:
            refused.append(error)
    if len(refused) == len(ways):
        raise refused[0]
