"""Moving pictures that a page holds in itself."""

from __future__ import annotations

import base64
from html import escape

import cv2
import numpy as np

from visuomotor.contracts import UInt8
from visuomotor.errors import MissingDependencyError

_QUALITY = 62
_HOLD_MS = 900


def animated_webp(images: UInt8, rate_hz: float, quality: int = _QUALITY) -> bytes:
    """Images (T, H, W, 3) RGB as an animation that repeats, its last one held for a moment.

    Raises MissingDependencyError where OpenCV is older than 4.12.
    """
    if not hasattr(cv2, "imencodeanimation"):
        raise MissingDependencyError(
            f"OpenCV {cv2.__version__} writes no animations, 4.12 does: pip install -U "
            "opencv-python-headless"
        )
    made = cv2.Animation()
    made.frames = [np.ascontiguousarray(i[..., ::-1]) for i in images]
    made.durations = [round(1e3 / rate_hz)] * (len(images) - 1) + [_HOLD_MS]
    done, data = cv2.imencodeanimation(".webp", made, [cv2.IMWRITE_WEBP_QUALITY, quality])
    if not done:
        raise MissingDependencyError("this OpenCV cannot write WebP; install another build of it")
    return bytes(data)


def picture_tag(images: UInt8, rate_hz: float, text: str) -> str:
    """An <img> that holds the animation; text says what it shows."""
    data = base64.b64encode(animated_webp(images, rate_hz)).decode()
    height, width = images[0].shape[:2]
    return (
        f'<img src="data:image/webp;base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(text, quote=True)}">'
    )
