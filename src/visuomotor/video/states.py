"""A video's estimated 3-D states: camera, hand, objects and touch, frame by frame."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.errors import DataError

_OPTIONAL = ("static_position", "static_rotation", "static_size")


@dataclass(frozen=True)
class VideoStates:
    """T frames at rate_hz in the video's world: z up, the table at z = 0, m and rad.

    name: of the video. camera (3,): distance m, azimuth and elevation rad of a camera that looks at
    the origin; azimuth 0 looks along +y. focal_px; size, of the image in px. hand_position (T, 3),
    of the hand's end; hand_azimuth, hand_elevation (T,), as in Demonstration; hand_length m. touch
    (T,) in [0, 1]. moved_position (T, 3), moved_rotation (T, 3) rotation vectors, moved_size (3,)
    of the object that is moved; static_position (3,), static_rotation (3,), static_size (3,) of the
    other, if there is one. action_frames (2,): first, and one past the last. hand_spread,
    moved_spread (T,) m: how far the starts that explain the video almost as well are from this one.
    loss: of this one; losses (R,) of all starts. onto: it came to rest on the static object.
    """

    name: str
    rate_hz: float
    camera: Float64
    focal_px: float
    size: NDArray[np.int64]
    hand_position: Float64
    hand_azimuth: Float64
    hand_elevation: Float64
    hand_length: float
    touch: Float64
    moved_position: Float64
    moved_rotation: Float64
    moved_size: Float64
    static_position: Float64 | None
    static_rotation: Float64 | None
    static_size: Float64 | None
    action_frames: NDArray[np.int64]
    hand_spread: Float64
    moved_spread: Float64
    loss: float
    losses: Float64
    onto: bool


def save_states(path: Path, states: VideoStates) -> None:
    """Writes states as `.npz`, without pickles."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {f.name: getattr(states, f.name) for f in fields(states)}
    arrays = {n: np.asarray(v) for n, v in values.items() if v is not None}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def load_states(path: Path) -> VideoStates:
    """Reads what `save_states` wrote; raises DataError where it is something else."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {f.name: file.get(f.name) for f in fields(VideoStates)}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as a video's states (.npz): {error}") from error
    missing = [n for n, v in found.items() if v is None and n not in _OPTIONAL]
    if missing:
        raise DataError(f"{path}: not a video's states: lacks {', '.join(missing)}")
    values = {n: v.item() if v is not None and v.ndim == 0 else v for n, v in found.items()}
    return VideoStates(**values)
