"""One episode as arrays: images on disk behind memory maps, the rest in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64, UInt8, UInt16
from visuomotor.errors import DataError
from visuomotor.observations import ObservationSpec

STEPS = "steps.npz"
_HEADER_BYTES = 128


@dataclass(frozen=True)
class EpisodeArrays:
    """An episode of T steps at 20 Hz, seen through an ObservationSpec.

    color[cam] (T, H, W, 3) uint8 RGB; depth_mm[cam] (T, H, W) uint16, cameras without depth left
    out; K[cam] (3, 3); T_base_camera[cam] (4, 4), or (T, 4, 4) for a camera that moves.
    T_base_ee (T, 4, 4); gripper_width_m (T,); q (T, J). action_pose (T, 4, 4) in base,
    action_width_m (T,) m; action_valid (T,): there was an accepted target.
    T_base_object[name] (T, 4, 4): true poses of the objects that the spec names.
    valid (T,): there was a set; a step of a gap repeats the set before it and is not valid.
    """

    name: str
    stamps_ns: NDArray[np.int64]
    color: Mapping[str, UInt8]
    depth_mm: Mapping[str, UInt16]
    K: Mapping[str, Float64]
    T_base_camera: Mapping[str, Float64]
    T_base_ee: Float64
    gripper_width_m: Float64
    q: Float64
    action_pose: Float64
    action_width_m: Float64
    action_valid: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    T_base_object: Mapping[str, Float64] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.stamps_ns)


STEP_FIELDS = (
    "stamps_ns",
    "T_base_ee",
    "gripper_width_m",
    "q",
    "action_pose",
    "action_width_m",
    "action_valid",
    "valid",
)
"""The fields of EpisodeArrays that are one array each."""


class MappedImages(Mapping[str, NDArray[Any]]):
    """An episode's images by camera, each mapped when it is first asked for."""

    def __init__(self, folder: str, kind: str, cameras: tuple[str, ...]) -> None:
        self._folder, self._kind, self._cameras = folder, kind, cameras
        self._mapped: dict[str, NDArray[Any]] = {}

    def __getitem__(self, camera: str) -> NDArray[Any]:
        if camera not in self._mapped:
            if camera not in self._cameras:
                raise KeyError(camera)
            path = f"{self._folder}/{camera}.{self._kind}.npy"
            try:
                self._mapped[camera] = np.load(path, "r", allow_pickle=False).view(np.ndarray)
            except (OSError, ValueError) as error:
                raise DataError(
                    f"{path}: cached images cannot be mapped ({error}); open the dataset again if "
                    "its cache was deleted"
                ) from error
        return self._mapped[camera]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cameras)

    def __len__(self) -> int:
        return len(self._cameras)


def load_steps(folder: Path) -> dict[str, NDArray[Any]]:
    """The small arrays of a cached episode, those of a camera as `<camera>/<kind>`."""
    with np.load(folder / STEPS, allow_pickle=False) as stored:
        return {k: stored[k] for k in stored.files}


def episode_arrays(
    name: str, folder: str, small: Mapping[str, NDArray[Any]], spec: ObservationSpec
) -> EpisodeArrays:
    """A cached episode from its small arrays; nothing is read."""
    fields: dict[str, Any] = {"K": {}, "T_base_camera": {}, "T_base_object": {}}
    for key, values in small.items():
        camera, _, kind = key.rpartition("/")
        if camera:
            fields[kind][camera] = values
        else:
            fields[kind] = values
    depth = tuple(c.name for c in spec.cameras if c.depth)
    return EpisodeArrays(
        name=name,
        color=MappedImages(folder, "color", spec.names),
        depth_mm=MappedImages(folder, "depth_mm", depth),
        **fields,
    )


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays one after another; those that lie so in one file already are not copied."""
    first = parts[0]
    at = first.__array_interface__["data"][0]
    for part in parts:
        alike = part.base is first.base and part.shape[1:] == first.shape[1:]
        if not alike or part.base is None or part.__array_interface__["data"][0] != at:
            return np.concatenate(parts)
        at += part.nbytes
    shape = (sum(map(len, parts)), *first.shape[1:])
    return np.lib.stride_tricks.as_strided(first, shape, first.strides, writeable=False)


class NpyWriter:
    """A .npy file that grows by one item at a time; the header is completed at the end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(bytes(_HEADER_BYTES))
        self._count = 0
        self._item: tuple[tuple[int, ...], np.dtype[Any]] | None = None

    def append(self, item: NDArray[np.generic]) -> None:
        """Adds one item; all have the shape and dtype of the first."""
        kind = (item.shape, item.dtype)
        if self._item is None:
            self._item = kind
        if kind != self._item:
            raise ValueError(f"npy: got {kind}, expected {self._item}")
        self._file.write(np.ascontiguousarray(item).data)
        self._count += 1

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if kind is None and self._item is not None:
                shape, dtype = (self._count, *self._item[0]), self._item[1]
                text = repr({"descr": dtype.str, "fortran_order": False, "shape": shape})
                room = _HEADER_BYTES - 11
                header = b"\x93NUMPY\x01\x00" + (room + 1).to_bytes(2, "little")
                self._file.seek(0)
                self._file.write(header + text.ljust(room).encode() + b"\n")
