"""Held-out episodes as scenes: images of a few instants, and where the objects truly were."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from visuomotor.bench.correspondence.truth import Shapes, true_shapes
from visuomotor.contracts import Float64
from visuomotor.dataset import Dataset, EpisodeArrays
from visuomotor.dataset.cache import cached_arrays
from visuomotor.dataset.dataset import CACHE
from visuomotor.descriptors.ground_truth import Parts
from visuomotor.errors import DataError
from visuomotor.observations import ObservationSpec
from visuomotor.recording import Sidecar, find_episodes, load_sidecar

OUTCOMES = ("success", "unknown")
"""Episodes that training takes; so a number means the same episode here and there."""


@dataclass(frozen=True)
class Scene:
    """One episode: its images, and its objects' shapes and poses where they are known.

    number: its place among the dataset's episodes. steps (S,): the instants that are looked at.
    T_base_object[name] (T, 4, 4).
    """

    number: int
    sidecar: Sidecar
    arrays: EpisodeArrays
    steps: NDArray[np.int64]
    shapes: Shapes | None
    T_base_object: dict[str, Float64]

    def parts(self, step: int) -> Parts | None:
        """The objects' rigid parts at a step; None where the truth is not known."""
        if self.shapes is None:
            return None
        poses = [
            self.T_base_object[name][step] @ T
            for name, T in zip(self.shapes.names, self.shapes.T_object_part, strict=True)
        ]
        return Parts(
            torch.from_numpy(np.stack(poses).astype(np.float32)),
            torch.from_numpy(self.shapes.half_m.astype(np.float32)),
            torch.from_numpy(self.shapes.cylinder),
        )


def open_scenes(
    root: Path,
    spec: ObservationSpec,
    task: str | None = None,
    first: int = 0,
    count: int | None = None,
    instants: int = 4,
) -> list[Scene]:
    """`count` episodes from number `first` on (None: all that follow), as training numbers them.

    instants: how many steps of each, spread evenly from its first to its last. Raises DataError
    for a range that the dataset does not have.
    """
    paths = find_episodes(root, task, OUTCOMES)
    chosen = paths[first : None if count is None else first + count]
    if first < 0 or not chosen or (count is not None and len(chosen) < count):
        raise DataError(
            f"{root}: got {len(paths)} episodes, expected at least {first + (count or 1)} for "
            f"{count or 'all'} from number {first} on; record more or ask for others"
        )
    return [_open(p, root, spec, first + i, instants) for i, p in enumerate(chosen)]


def _open(path: Path, root: Path, spec: ObservationSpec, number: int, instants: int) -> Scene:
    sidecar = load_sidecar(path)
    arrays = cached_arrays(path, spec, root / CACHE)
    valid = np.flatnonzero(arrays.valid)
    steps = np.unique(valid[np.linspace(0, len(valid) - 1, instants).round().astype(int)])
    shapes = true_shapes(path, sidecar)
    poses: dict[str, Float64] = {}
    if shapes is not None:
        truth = cached_arrays(path, ObservationSpec((), shapes.names), root / CACHE)
        poses = dict(truth.T_base_object)
        if sidecar.trim_s is None:
            shapes.check_start({n: T[0] for n, T in poses.items()}, str(path))
    return Scene(number, sidecar, arrays, steps, shapes, poses)


def as_dataset(scenes: list[Scene], spec: ObservationSpec) -> Dataset:
    """The scenes' images as a dataset, for `camera_views`."""
    return Dataset(spec, [s.arrays for s in scenes])
