"""Files of weakly labelled images: a folder per label, with images of any size and aspect."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError, unknown_name
from visuomotor.recording.compression import decoded

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
LABELS = ("with", "without")
"""Of images that show the object of interest, and of those that do not."""
LEAST_PX = 8

Labels = tuple[str, str]


def find_labels(folder: Path, labels: Labels | None = None) -> Labels:
    """The names of the two sub-folders, that of the images with the object first.

    Without `labels` they are `with` and `without` or, in a folder that has just two others, those
    two by name. Raises DataError for a folder that lacks them.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one with a sub-folder per label")
    found = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    if labels is None:
        if set(LABELS) <= set(found):
            return LABELS
        if len(found) != 2:
            raise DataError(
                f"{folder}: got the sub-folders {', '.join(found) or 'none'}; expected "
                f"{' and '.join(LABELS)}, or the two labels' names"
            )
        return found[0], found[1]
    if labels[0] == labels[1]:
        raise DataError(f"{folder}: got label {labels[0]!r} twice, expected two")
    for label in labels:
        if label not in found:
            raise DataError(f"{folder}: {unknown_name('label', label, found)}")
    return labels


def find_images(folder: Path, label: str) -> list[Path]:
    """The label's images by name; DataError if there is none."""
    inside = folder / label
    found = sorted(p for p in inside.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != ".")
    if not found:
        raise DataError(
            f"{inside}: no image; expected at least one {', '.join(SUFFIXES)} directly in it"
        )
    return found


def read_image(path: Path, size: tuple[int, int], aspect: float) -> UInt8 | str:
    """The image (H, W, 3) RGB, fitted to size (H, W); or why it cannot be used, as a text.

    A photograph is turned as its EXIF says, grey and transparent images become RGB.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        return str(error.strerror or error)
    if not data:
        return "an empty file"
    image = decoded(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return "not readable as an image (damaged, cut off, too large, or of another format)"
    height, width = image.shape[:2]
    if min(height, width) < LEAST_PX:
        return f"{width}x{height} pixels, expected at least {LEAST_PX}x{LEAST_PX}"
    return fitted(np.asarray(image, np.uint8)[..., ::-1], size, aspect)


def fitted(image: UInt8, size: tuple[int, int], aspect: float) -> UInt8:
    """The largest part of an image (h, w, 3) about its middle of this aspect, at size (H, W).

    aspect: width to height of what is kept. Cropped instead of put between bars, because bars
    would tell a network where an image came from, and often its label with it, and their edges draw
    feature points. Resized as `observations.observe` does.
    """
    h, w = image.shape[:2]
    keep_h = max(1, min(h, math.floor(w / aspect + 0.5)))
    keep_w = max(1, min(w, math.floor(h * aspect + 0.5)))
    top, left = (h - keep_h) // 2, (w - keep_w) // 2
    part = np.ascontiguousarray(image[top : top + keep_h, left : left + keep_w])
    if (keep_h, keep_w) == size:
        return part
    shrink = size[0] <= keep_h and size[1] <= keep_w
    method = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (size[1], size[0]), interpolation=method), np.uint8)
