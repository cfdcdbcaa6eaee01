"""From a video and a box around each body in one frame to tracks: boxes and masks in all frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.video.following import Followed, follow
from visuomotor.video.frames import Frames
from visuomotor.video.standstill import check_standstill
from visuomotor.video.tracks import BODIES, Tracks

MASK_HEIGHT = 30
"""Rows of the masks that are kept: the estimator compares silhouettes, not outlines."""


def parse(
    video: Frames,
    boxes: Mapping[str, Float64],
    first: int = 0,
    still_camera: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Tracks, dict[str, Followed]]:
    """Tracks of a video, and what they were made of, in full size.

    boxes: body of BODIES -> x1, y1, x2, y2 px in frame `first`; `static` may be left out. Raises
    DataError for a body that is lacking or unknown, a box in which nothing stands out, and, unless
    still_camera is False, for a camera that moves, naming the frame.
    """
    unknown = sorted(set(boxes) - set(BODIES))
    missing = [b for b in ("hand", "moved") if b not in boxes]
    if unknown or missing:
        raise DataError(
            f"{video.source}: got boxes of {', '.join(boxes) or 'nothing'}, expected one of the "
            "hand and one of the moved object, and one of the static object where there are two"
        )
    ordered = {body: boxes[body] for body in BODIES if body in boxes}
    found = follow(video.images, ordered, first, progress, video.source)
    return tracks_from(video, found, still_camera), found


def tracks_from(video: Frames, found: Mapping[str, Followed], still_camera: bool = True) -> Tracks:
    """Tracks of a video whose bodies are known in full size; raises DataError as `parse` does."""
    if still_camera:
        bodies = np.any([f.masks for f in found.values()], axis=0)
        check_standstill(video.images, bodies, video.source)
    height, width = video.images.shape[1:3]
    masks = {body: _smaller(f.masks) for body, f in found.items()}
    seen = {body: f.boxes for body, f in found.items()}
    return Tracks(video.source, video.rate_hz, (width, height), seen, masks)


def _smaller(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Masks (T, H, W) with MASK_HEIGHT rows: where most of a cell belongs to the body."""
    height, width = masks.shape[1:]
    if height <= MASK_HEIGHT:
        return masks
    size = (round(width * MASK_HEIGHT / height), MASK_HEIGHT)
    return np.stack(
        [cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5 for m in masks]
    )
