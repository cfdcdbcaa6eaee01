"""Pictures of made-up rooms, encoded as phones do."""

import struct

import cv2
import numpy as np


def picture(seed: int, height: int = 96, width: int = 128) -> np.ndarray:
    """(H, W, 3) uint8 RGB: blobs of colour, unlike any other seed's, red in its upper left."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    made = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    made[: height // 4, : width // 4] = (250, 10, 10)
    return made


def encoded(rgb: np.ndarray, suffix: str = ".jpg") -> bytes:
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == ".jpg" else []
    return cv2.imencode(suffix, rgb[..., ::-1], options)[1].tobytes()


def held(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG as a phone writes it that was held otherwise: EXIF says how to turn it."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    body = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]
