"""An episode as a video, its cameras side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from visuomotor.contracts import STEP_NS, SyncedFrame, UInt8
from visuomotor.errors import DataError, unknown_name
from visuomotor.recording.reader import read_frames

_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


def export_video(
    episode: Path | str, out: Path | str, cameras: Sequence[str] = (), height: int = 240
) -> Path:
    """Writes the colour images as .mp4, .avi or .gif; `cameras` empty: all of them.

    Every camera is scaled to `height` pixels. Raises DataError for an unknown camera or suffix,
    or where OpenCV cannot write that format.
    """
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    images = (tile(f, cameras, height) for f in read_frames(episode))
    if out.suffix == ".gif":
        write_gif(out, images)
    elif out.suffix in _CODECS:
        _write_video(out, images)
    else:
        raise DataError(unknown_name("video format", out.suffix, [*_CODECS, ".gif"]))
    if not out.is_file():
        raise DataError(f"{episode}: no complete set, so there is no video to write")
    return out


def tile(frame: SyncedFrame, cameras: Sequence[str] = (), height: int = 240) -> UInt8:
    """(height, sum of widths, 3) uint8 BGR: the cameras side by side, even-sized for codecs."""
    views = []
    for name in cameras or list(frame.cameras):
        if name not in frame.cameras:
            raise DataError(unknown_name("camera", name, frame.cameras))
        color = frame.cameras[name].color
        width = 2 * max(1, round(color.shape[1] * height / color.shape[0] / 2))
        views.append(cv2.resize(color, (width, height), interpolation=cv2.INTER_AREA))
    return np.ascontiguousarray(np.concatenate(views, axis=1)[..., ::-1]).astype(np.uint8)


def _write_video(out: Path, images: Iterator[UInt8]) -> None:
    writer: Any = None
    try:
        for image in images:
            if writer is None:
                code = cv2.VideoWriter.fourcc(*_CODECS[out.suffix])
                size = (image.shape[1], image.shape[0])
                writer = cv2.VideoWriter(str(out), code, 1e9 / STEP_NS, size)
                if not writer.isOpened():
                    raise DataError(
                        f"{out}: this OpenCV cannot write {out.suffix}; try another of "
                        f"{', '.join(_CODECS)}, .gif"
                    )
            writer.write(image)
    finally:
        if writer is not None:
            writer.release()


def write_gif(out: Path, images: Iterator[UInt8]) -> None:
    """Writes BGR images (H, W, 3), one per control step; DataError if OpenCV is too old."""
    if not hasattr(cv2, "imwriteanimation"):
        raise DataError(f"{out}: OpenCV {cv2.__version__} writes no GIF, 4.11 does; use .mp4")
    frames = list(images)
    if not frames:
        return
    animation = cv2.Animation()
    animation.frames = frames
    animation.durations = [STEP_NS // 1_000_000] * len(frames)
    if not cv2.imwriteanimation(str(out), animation):
        raise DataError(f"{out}: OpenCV could not write the GIF")
