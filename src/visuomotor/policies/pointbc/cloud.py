"""The coloured point cloud of all cameras: what is kept of it, and which points are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visuomotor.descriptors.masks import above_table, points_in_base
from visuomotor.descriptors.matching import Views
from visuomotor.policies.pointbc.config import CloudConfig


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
    cameras: Sequence[Views], T_base_ee: NDArray[np.float64], config: CloudConfig
) -> list[Cloud]:
    """The clouds of B sets from one `Views` of batch size B per camera; T_base_ee (B, 4, 4).

    Kept is what has depth, lies in the workspace above the table, and outside the hand's box.
    """
    hands = torch.from_numpy(T_base_ee.astype(np.float32))
    points: list[list[Tensor]] = [[] for _ in hands]
    color: list[list[Tensor]] = [[] for _ in hands]
    for views in cameras:
        everywhere, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
        for b, mask in enumerate(above_table(everywhere, valid, config.workspace)):
            there, seen = everywhere[b][mask], views.color[b][mask]
            outside = ~_in_hand_box(there, hands[b], config)
            points[b].append(there[outside])
            color[b].append(seen[outside])
    return [
        Cloud(torch.cat(p).numpy(), torch.cat(c).numpy())
        for p, c in zip(points, color, strict=True)
    ]


def spread_choice(count: int, wanted: int) -> NDArray[np.int64]:
    """Indices of `wanted` of `count` points, evenly over cameras and rows; at most all of them."""
    taken = min(count, wanted)
    return np.arange(taken, dtype=np.int64) * count // max(taken, 1)


def _in_hand_box(points: Tensor, T_base_ee: Tensor, config: CloudConfig) -> Tensor:
    """Whether points (P, 3) in base lie in the box around the hand."""
    local = (points - T_base_ee[:3, 3]) @ T_base_ee[:3, :3]
    low, high = local.new_tensor(config.hand_low), local.new_tensor(config.hand_high)
    return ((local > low) & (local < high)).all(-1)
