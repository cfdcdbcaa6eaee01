"""What a video teaches: the aligned motion of hand and object that a policy shall imitate."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.video.actions import find_action

APPROACH, ACT, LEAVE = 0, 1, 2
"""Phases of a demonstration."""

_FASTEST_HZ = 10_000.0
_LARGEST = 100.0
"""Of positions in m and angles in rad: no demonstration comes near."""
_SHAPES = {
    "hand_position": (3,),
    "hand_azimuth": (),
    "hand_elevation": (),
    "touch": (),
    "object_position": (3,),
    "object_rotation": (3,),
    "phase": (),
}


@dataclass(frozen=True)
class Demonstration:
    """One video's action, aligned: S steps at rate_hz in the frame of the manipulation.

    The frame: z up, the table at z = 0; its origin below the first object's place before the
    action (the static object's where there are two), turned so that the camera looks along +y.
    action: a name of ACTIONS. hand_position (S, 3) m, of the hand's end; hand_azimuth,
    hand_elevation (S,) rad; touch (S,) in [0, 1]; object_position (S, 3), object_rotation (S, 3)
    rotation vectors, of the object that is moved; phase (S,) 0 approach, 1 action, 2 leave.

    The hand points from the wrist to its end: along
    (cos elevation cos azimuth, cos elevation sin azimuth, -sin elevation), so azimuth 0 points to
    the right, pi/2 away from the camera, and a positive elevation downwards. Raises DataError where
    an array has another shape or is not finite.
    """

    action: str
    rate_hz: float
    hand_position: Float64
    hand_azimuth: Float64
    hand_elevation: Float64
    touch: Float64
    object_position: Float64
    object_rotation: Float64
    phase: NDArray[np.int64]

    def __post_init__(self) -> None:
        find_action(self.action)
        steps = len(self.touch) if self.touch.ndim else 0
        if not steps:
            raise DataError(f"demonstration of {self.action}: got no steps, expected one at least")
        for name, tail in _SHAPES.items():
            value = getattr(self, name)
            if value.shape != (steps, *tail):
                raise DataError(
                    f"demonstration of {self.action}: {name} has shape {value.shape}, "
                    f"expected {(steps, *tail)}"
                )
            if not np.isfinite(value).all():
                step = int(np.flatnonzero(~np.isfinite(value).reshape(steps, -1).all(axis=1))[0])
                raise DataError(f"demonstration of {self.action}: {name} of step {step} not finite")
            if np.abs(value).max() > _LARGEST:
                raise DataError(
                    f"demonstration of {self.action}: {name} reaches {np.abs(value).max():g}, "
                    f"expected m, rad or a share, {_LARGEST:g} at most; make it again"
                )
        if not 0 < self.rate_hz <= _FASTEST_HZ:
            raise DataError(
                f"demonstration of {self.action}: rate_hz is {self.rate_hz}, expected more than 0 "
                f"and {_FASTEST_HZ:g} at most"
            )


def digest(demonstration: Demonstration) -> str:
    """Tells demonstrations apart by all their values: 16 hexadecimal digits."""
    found = sha256()
    for f in fields(demonstration):
        value = getattr(demonstration, f.name)
        found.update(value.tobytes() if isinstance(value, np.ndarray) else str(value).encode())
    return found.hexdigest()[:16]


def save_demonstration(path: Path, demonstration: Demonstration) -> None:
    """Writes one demonstration as `.npz`, without pickles."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {f.name: np.asarray(getattr(demonstration, f.name)) for f in fields(demonstration)}
    with path.open("wb") as file:
        np.savez_compressed(file, **values)  # type: ignore[arg-type]


def load_demonstration(path: Path) -> Demonstration:
    """Reads what `save_demonstration` wrote; raises DataError where it is something else."""
    names = [f.name for f in fields(Demonstration)]
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [n for n in names if n not in file]
            if missing:
                raise DataError(f"{path}: not a demonstration: lacks {', '.join(missing)}")
            values = {n: file[n] for n in names}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read as a demonstration (.npz): {error}") from error
    arrays = {n: values[n].astype(np.float64) for n in _SHAPES if n != "phase"}
    return Demonstration(
        action=str(values["action"]),
        rate_hz=float(values["rate_hz"]),
        phase=values["phase"].astype(np.int64),
        **arrays,
    )
