"""Dataset steps as batches of views and robot states on the training device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from visuomotor.dataset import Dataset
from visuomotor.descriptors.matching import Views
from visuomotor.observations import depth_m_from_mm

Steps = NDArray[np.int64]
"""(N, 2): episode and step numbers."""


def valid_steps(dataset: Dataset) -> Steps:
    """Every step that is no gap, (N, 2)."""
    pairs = [
        np.stack([np.full(int(e.valid.sum()), i), np.flatnonzero(e.valid)], axis=1)
        for i, e in enumerate(dataset.episodes)
    ]
    return np.concatenate(pairs).astype(np.int64)


def camera_views(dataset: Dataset, camera: str, steps: Steps) -> Views:
    """One camera's views (N, ...) at the steps; the same values that `observe` gives."""
    episodes = dataset.episodes
    color = np.stack([episodes[e].color[camera][t] for e, t in steps])
    depth_mm = np.stack([episodes[e].depth_mm[camera][t] for e, t in steps])
    K = np.stack([episodes[e].K[camera] for e, _ in steps])
    poses = [episodes[e].T_base_camera[camera] for e, _ in steps]
    T = np.stack([p if p.ndim == 2 else p[t] for p, (_, t) in zip(poses, steps, strict=True)])
    return Views(
        torch.from_numpy(color),
        torch.from_numpy(depth_m_from_mm(depth_mm)),
        torch.from_numpy(K.astype(np.float32)),
        torch.from_numpy(T.astype(np.float32)),
    )


def hands(dataset: Dataset, steps: Steps) -> tuple[torch.Tensor, torch.Tensor]:
    """T_base_ee (N, 4, 4) and the gripper's width (N,) in m at the steps."""
    poses = np.stack([dataset.episodes[e].T_base_ee[t] for e, t in steps])
    widths = np.array([dataset.episodes[e].gripper_width_m[t] for e, t in steps])
    return torch.from_numpy(poses.astype(np.float32)), torch.from_numpy(widths.astype(np.float32))
