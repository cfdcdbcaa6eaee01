"""The coloured point cloud of all cameras: what is kept of it, and which points are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visuomotor.descriptors.masks import above_table, deproject, of_robot
from visuomotor.descriptors.matching import Views
from visuomotor.policies.pointbc.config import CloudConfig

_ROUNDING_M = 1e-4


@dataclass(frozen=True)
class Cloud:
    """points (P, 3) float32 in base, m; color (P, 3) uint8 RGB. P may be 0."""

    points: NDArray[np.float32]
    color: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: NDArray[np.int64]) -> Cloud:
        return Cloud(self.points[index], self.color[index])


def crop_clouds(
    cameras: Sequence[Views],
    T_base_ee: NDArray[np.float64],
    width_m: NDArray[np.float64],
    config: CloudConfig,
) -> list[Cloud]:
    """The clouds of B sets from one `Views` of batch size B per camera.

    T_base_ee (B, 4, 4); width_m (B,), the gripper's. Kept is what has depth, lies in the
    workspace above the table, and is not the robot's.
    """
    hands = torch.from_numpy(T_base_ee.astype(np.float32))
    clouds = []
    for b, (hand, width) in enumerate(zip(hands, width_m, strict=True)):
        parts = [_crop(v, b, hand, float(width), config) for v in cameras]
        points, color = (torch.cat([part[i] for part in parts]).numpy() for i in (0, 1))
        clouds.append(Cloud(points, color))
    return clouds


def _crop(
    views: Views, b: int, T_base_ee: Tensor, width_m: float, config: CloudConfig
) -> tuple[Tensor, Tensor]:
    """Points (P, 3) in base and their color (P, 3) of one camera of set b."""
    depth_m, K, T = views.depth_m[b], views.K[b], views.T_base_camera[b]
    h, w = depth_m.shape
    # most pixels show the table: the heights alone tell which are worth a point
    rise_u = T[2, 0] * (torch.arange(w) - K[0, 2]) / K[0, 0]
    rise_v = T[2, 1] * (torch.arange(h) - K[1, 2]) / K[1, 1] + T[2, 2]
    height = T[2, 3] + depth_m * (rise_u + rise_v[:, None])  # (H, W)
    low = config.workspace.table_m + config.workspace.clearance_m - _ROUNDING_M
    rows, columns = torch.nonzero((depth_m > 0) & (height > low), as_tuple=True)
    pixels = torch.stack([columns, rows], dim=1).to(depth_m.dtype)
    points, valid = deproject(pixels, depth_m[rows, columns], K, T)
    keep = above_table(points, valid, config.workspace)
    if not config.robot:
        keep &= ~of_robot(points[None], T_base_ee[None], torch.tensor([width_m]))[0]
    return points[keep], views.color[b][rows[keep], columns[keep]]


def spread_choice(count: int, wanted: int) -> NDArray[np.int64]:
    """Indices of `wanted` of `count` points, evenly over cameras and rows; at most all of them."""
    taken = min(count, wanted)
    return np.arange(taken, dtype=np.int64) * count // max(taken, 1)
