"""Masks that were made elsewhere: one picture per frame and body, in folders."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from visuomotor.errors import DataError
from visuomotor.recording.compression import decoded
from visuomotor.video.following import Followed, box_of
from visuomotor.video.frames import Frames
from visuomotor.video.tracks import BODIES

_WHITE = 127


def read_masks(folder: Path, video: Frames) -> dict[str, Followed]:
    """The bodies whose masks lie in folder/hand, folder/moved and, if there is one, folder/static.

    Each holds PNGs, of any size in the video's shape, whose last number says of which of the
    video's frames they are, from 0; white (above 127) is the body. A frame without a picture, or
    with a black one, is a gap. Where two bodies claim a pixel the hand has it, then the moved one.
    Raises DataError for folders and pictures that are missing, of another shape or of no frame.
    """
    count, height, width = video.images.shape[:3]
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one of masks, with hand/ and moved/")
    found: dict[str, Followed] = {}
    taken = np.zeros((count, height, width), bool)
    for body in BODIES:
        pictures = sorted((folder / body).glob("*.png"))
        if not pictures and body != "static":
            raise DataError(
                f"{folder / body}: no masks of {body}; expected PNGs named by their frames, 0 to "
                f"{count - 1}"
            )
        if not pictures:
            continue
        masks = np.zeros((count, height, width), bool)
        for path in pictures:
            frame = _frame(path, count)
            masks[frame] = _mask(path, height, width) & ~taken[frame]
        taken |= masks
        found[body] = Followed(np.stack([box_of(m) for m in masks]), masks)
    return found


def _frame(path: Path, count: int) -> int:
    numbers = re.findall(r"\d+", path.stem)
    frame = int(numbers[-1]) if numbers else -1
    if not 0 <= frame < count:
        raise DataError(
            f"{path}: is of frame {frame if numbers else 'none'}, expected a name with the number "
            f"of one of the {count} frames, 0 to {count - 1}"
        )
    return frame


def _mask(path: Path, height: int, width: int) -> NDArray[np.bool_]:
    image = decoded(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise DataError(f"{path}: cannot be decoded as a picture; delete it or replace it")
    if abs(image.shape[1] / image.shape[0] - width / height) > 0.02 * width / height:
        raise DataError(
            f"{path}: is {image.shape[1]}x{image.shape[0]}, expected the shape of the video's "
            f"frames, {width}x{height}"
        )
    resized = cv2.resize(
        image.astype(np.uint8, copy=False), (width, height), interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(resized > _WHITE)
