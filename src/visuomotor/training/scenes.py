"""Views from a dataset and what they show, by place in space: table, robot, objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.dataset import Dataset
from visuomotor.dataset.cache import cached_arrays
from visuomotor.dataset.dataset import CACHE
from visuomotor.descriptors.config import Workspace
from visuomotor.descriptors.masks import (
    above_table,
    differs_from_empty,
    in_workspace,
    of_robot,
    points_in_base,
)
from visuomotor.descriptors.matching import Views
from visuomotor.errors import DataError
from visuomotor.training.batches import Steps, camera_views, hands, valid_steps
from visuomotor.training.device import CPU, moved

EMPTY_SETS = 160
"""Sets, drawn from all steps, from which the empty scene's depth is taken."""
EMPTY_QUANTILE = 0.97
"""Of a pixel's depths: nearly the farthest, so that single measurements do not decide."""


@dataclass(frozen=True)
class Scene:
    """B views and what they show: points (B, H, W, 3) in base, m, measured or not.

    foreground (B, H, W): robot and objects; objects (B, H, W): of these, the objects.
    """

    views: Views
    points: Tensor
    measured: Tensor
    foreground: Tensor
    objects: Tensor


@dataclass(frozen=True)
class Scenes:
    """The scenes of a dataset. empty: each camera's depth (H, W) of the empty table, m, or None.

    Without it the foreground is what stands above the table; with it, what is nearer than the
    empty scene, which also finds what lies flat, and needs no level table.
    """

    dataset: Dataset
    workspace: Workspace
    empty: Mapping[str, Tensor] | None = None

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras' names."""
        return self.dataset.spec.names

    def at(self, camera: str, steps: Steps, device: torch.device = CPU) -> Scene:
        """One camera's scene at steps (N, 2); the hand's pose tells robot from objects."""
        views = moved(camera_views(self.dataset, camera, steps), device)
        points, measured = points_in_base(views.depth_m, views.K, views.T_base_camera)
        if self.empty is None:
            foreground = above_table(points, measured, self.workspace)
        else:
            foreground = differs_from_empty(views.depth_m, moved(self.empty[camera], device))
            foreground &= measured & in_workspace(points, self.workspace)
        objects = foreground & ~of_robot(points, *moved(hands(self.dataset, steps), device))
        return Scene(views, points, measured, foreground, objects)


def empty_depths(dataset: Dataset, seed: int = 0) -> dict[str, Tensor]:
    """Each camera's depth (H, W) in m of the empty scene: nearly the farthest that it ever saw.

    From an episode of the empty scene, where the arm may move, or from any episodes in which
    everything is elsewhere at some time. 0: never measured. Raises DataError for a camera that
    moves.
    """
    steps = valid_steps(dataset)
    rng = np.random.default_rng(seed)
    some = steps[rng.choice(len(steps), min(EMPTY_SETS, len(steps)), replace=False)]
    depths = {}
    for camera in dataset.spec.names:
        if any(e.T_base_camera[camera].ndim != 2 for e in dataset.episodes):
            raise DataError(
                f"camera {camera} moves: its empty scene is not one image; use cameras that stand "
                "still, or foreground: above_table"
            )
        measured = camera_views(dataset, camera, some).depth_m
        rank = max(1, round(EMPTY_QUANTILE * len(measured)))
        depths[camera] = measured.kthvalue(rank, dim=0).values
    return depths


def empty_episode(path: Path, dataset: Dataset) -> Dataset:
    """A recorded episode of the empty scene, seen as the dataset is."""
    if not path.is_dir():
        raise DataError(f"{path}: no such episode; expected the folder of one of the empty scene")
    return Dataset(dataset.spec, [cached_arrays(path, dataset.spec, path.parent / CACHE)])
