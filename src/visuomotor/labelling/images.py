"""Encoded pictures as phones, cameras and bags have them: told apart, decoded upright, reduced."""

from __future__ import annotations

import cv2
import numpy as np

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError
from visuomotor.recording.compression import compress_color, decoded

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
_KINDS = {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".webp": "WebP"}
_LARGE_BYTES = 1_500_000  # a phone's picture, which decodes several times faster at a quarter
_HEIC = (b"heic", b"heix", b"mif1", b"msf1", b"hevc")


def suffix_of(data: bytes, where: str) -> str:
    """.png, .jpg, .bmp or .webp by what the bytes are; DataError naming `where` for others."""
    if data[:2] == b"\xff\xd8":
        return ".jpg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return ".png"
    if data[:2] == b"BM":
        return ".bmp"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ".webp"
    heic = data[4:8] == b"ftyp" and data[8:12] in _HEIC
    raise DataError(
        f"{where}: {'a HEIC picture' if heic else f'{len(data)} bytes that are no picture'}, "
        "expected PNG, JPEG, BMP or WebP; "
        + ("convert it, or set the phone's camera to JPEG" if heic else "copy it again")
    )


def decode(data: bytes, where: str, enough_px: int | None = None) -> UInt8:
    """(H, W, 3) uint8 RGB, turned upright as its EXIF says; DataError naming `where`.

    enough_px: a large picture may come reduced, with a longest side of at least so much.
    """
    suffix = suffix_of(data, where)
    if not _complete(data, suffix):
        raise DataError(f"{where}: a {_KINDS[suffix]} that breaks off; copy it again")
    bgr = None
    if enough_px is not None and suffix == ".jpg" and len(data) > _LARGE_BYTES:
        bgr = _decoded(data, cv2.IMREAD_REDUCED_COLOR_4)
    if bgr is None or max(bgr.shape) < (enough_px or 0):
        bgr = _decoded(data, cv2.IMREAD_COLOR)
    if bgr is None:
        raise DataError(f"{where}: a damaged {_KINDS[suffix]}; copy it again")
    rgb: UInt8 = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    return rgb


def reduced(rgb: UInt8, longest_px: int) -> UInt8:
    """The picture with a longest side of at most so much; the same one if it is no larger."""
    height, width = rgb.shape[:2]
    if max(height, width) <= longest_px:
        return rgb
    scale = longest_px / max(height, width)
    size = max(1, round(scale * width)), max(1, round(scale * height))
    smaller: UInt8 = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return smaller


def fitted(data: bytes, where: str, longest_px: int = 0) -> bytes:
    """An encoded picture that any reader sees upright, with a longest side of at most longest_px.

    The bytes as they are where that is so already; else encoded anew, PNG as PNG, others as JPEG.
    longest_px 0: of any size. Raises DataError naming `where`.
    """
    rgb = decode(data, where, longest_px + 1 if longest_px else None)
    if longest_px and max(rgb.shape[:2]) > longest_px:
        rgb = reduced(rgb, longest_px)
    elif not _turned(data):
        return data
    return compress_color(rgb, "png" if suffix_of(data, where) == ".png" else "jpeg")


def _turned(data: bytes) -> bool:
    """Whether EXIF turns it; a picture without EXIF is not decoded to find out."""
    if b"Exif" not in data[:4096] and b"eXIf" not in data:
        return False
    upright = _decoded(data, cv2.IMREAD_COLOR)
    stored = _decoded(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return not np.array_equal(upright, stored)  # type: ignore[arg-type]


def _decoded(data: bytes, flags: int) -> UInt8 | None:
    image = decoded(np.frombuffer(data, np.uint8), flags)
    return None if image is None else image.astype(np.uint8, copy=False)


def _complete(data: bytes, suffix: str) -> bool:
    """Whether the end is there: some decoders fill the rest of a picture with grey."""
    if suffix == ".png":
        return b"IEND" in data[-4096:]
    if suffix != ".jpg":
        return True
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # fill bytes
            at += 1
        elif data[at + 1] == 0xDA:  # the picture itself, in which no marker but this ends it
            return data.find(b"\xff\xd9", at) >= 0
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False
