"""A video with its bodies' masks and boxes drawn into it, for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError
from visuomotor.video.following import Followed

COLOURS = ((255, 200, 40), (60, 200, 255), (255, 90, 200))
"""RGB of the bodies, in their order."""


def drawn(images: UInt8, bodies: Mapping[str, Followed], scale: int = 2) -> UInt8:
    """Images (T, H, W, 3), `scale` times as large, with tinted bodies, boxes and frame numbers."""
    made = []
    for t, image in enumerate(images):
        tinted = image.astype(np.float32)
        for (_, body), colour in zip(bodies.items(), COLOURS, strict=False):
            tinted[body.masks[t]] = 0.55 * tinted[body.masks[t]] + 0.45 * np.array(colour)
        large = cv2.resize(
            tinted.astype(np.uint8), None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR
        )
        for (name, body), colour in zip(bodies.items(), COLOURS, strict=False):
            if np.isfinite(body.boxes[t]).all():
                x1, y1, x2, y2 = (round(scale * float(v)) for v in body.boxes[t])
                cv2.rectangle(large, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
                write(large, name, (x1 + 2, y1 - 4), colour)
        write(large, str(t), (4, large.shape[0] - 6), (255, 255, 255))
        made.append(large)
    return np.stack(made)


def write_video(images: UInt8, rate_hz: float, path: Path) -> None:
    """Writes images (T, H, W, 3) RGB as mp4; DataError where that cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = (v - v % 2 for v in images.shape[1:3])
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate_hz, (width, height))
    try:
        if not writer.isOpened():
            raise DataError(f"{path}: cannot be written as a video; is the folder writable, .mp4?")
        for image in images:
            writer.write(np.ascontiguousarray(image[:height, :width, ::-1]))
    finally:
        writer.release()


def write(image: UInt8, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Writes a small text with a dark edge at a place (px) of an image."""
    for thickness, shade in ((3, (0, 0, 0)), (1, colour)):
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, shade, thickness, cv2.LINE_AA)
