"""One image of a camera: a picture file, or a moment of an episode; goals are told so."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError
from visuomotor.recording.bag_reader import open_bag
from visuomotor.recording.compression import decoded
from visuomotor.recording.reader import read_frames
from visuomotor.recording.sidecar import LONGEST_S, load_sidecar

_BEFORE_NS = 1_500_000_000
"""The set of a moment is the last one before it, of so long."""


def still(source: Path, camera: str, at_s: float | None = None) -> UInt8:
    """The image (H, W, 3) RGB of a picture file, or of `camera` in an episode.

    at_s: seconds after the episode's first set; None: its last set, or the last one before its
    trim. DataError if there is no such image.
    """
    if source.is_dir():
        return episode_still(source, camera, at_s)
    if at_s is not None:
        raise DataError(f"{source}: got a time of {at_s:g} s for a picture, expected an episode")
    data = np.fromfile(source, np.uint8) if source.is_file() else np.zeros(0, np.uint8)
    image = decoded(data, cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(
            f"{source}: got no readable image, expected a PNG or JPEG file or an episode's folder"
        )
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8, copy=False)


def episode_still(episode: Path, camera: str, at_s: float | None = None) -> UInt8:
    """See `still`."""
    if at_s is not None and not abs(at_s) <= LONGEST_S:  # a NaN fails too
        raise DataError(
            f"{episode}: got a time of {at_s:g} s, expected one within the episode, in seconds "
            "after its first set"
        )
    with open_bag(episode) as bag:
        cameras = bag.layout().cameras
        if camera not in cameras:
            raise DataError(
                f"{episode}: got no camera {camera!r}, expected one of {', '.join(cameras)}"
            )
        first = next(iter(read_frames(bag, None, (camera,), ())), None)
        if first is None:
            raise DataError(f"{episode}: no complete set; expected an episode that was recorded")
        start_ns, end_ns = first.stamp_ns, bag.logged_ns[1]
        if at_s is None:
            trim_s = load_sidecar(episode).trim_s
            at_s = None if trim_s is None else trim_s[1]
            at_s = None if at_s == LONGEST_S else at_s  # trimmed at its start alone
        wanted_ns = end_ns if at_s is None else start_ns + round(at_s * 1e9)
        found = None
        for frame in read_frames(bag, (wanted_ns - _BEFORE_NS, wanted_ns + 1), (camera,), ()):
            found = frame
    if found is None:
        raise DataError(
            f"{episode}: got no set at {(wanted_ns - start_ns) * 1e-9:.1f} s, expected a time from "
            f"0 to {(end_ns - start_ns) * 1e-9:.1f} s"
        )
    return found.cameras[camera].color
