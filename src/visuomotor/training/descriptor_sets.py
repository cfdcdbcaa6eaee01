"""Learns *which* descriptors a policy should follow, and if asked the network behind them too.

Florence et al. 2020, section III-B: "descriptor set optimization" and "end-to-end dense
optimization". A head is trained together with the descriptors on the cells' coarse grid; it is
thrown away, and the one that will act is trained anew on what the finer localisation finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from visuomotor.dataset import Dataset
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.masks import in_workspace, points_in_base
from visuomotor.descriptors.matching import Views
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork, match_logits
from visuomotor.networks import Grid, cell_pixels, local_expectation
from visuomotor.policies.dense.policy import image_features
from visuomotor.training.batches import camera_views
from visuomotor.training.device import moved
from visuomotor.training.samples import Int64, Samples

Describe = Callable[[Int64, str], Tensor]
"""Maps (n, D, h, w) of steps (n, 2) of a camera."""


class LearnedSet(nn.Module):
    """The reference descriptors as parameters, and the network if it is learned too."""

    def __init__(self, reference: Tensor, network: DescriptorNetwork | None) -> None:
        super().__init__()
        self.reference = nn.Parameter(reference.clone())
        self.network = network


class DescriptorSight:
    """A `training.cloning.Sight`: the keypoints of the samples' steps, with gradients."""

    def __init__(
        self,
        model: DescriptorModel,
        dataset: Dataset,
        samples: Samples,
        space: str,
        describe: Describe,
        learned: LearnedSet,
    ) -> None:
        count = model.config.keypoints
        self.shape: tuple[int, ...] = (count, 3) if space == "3d" else (2 * count,)
        self.module: nn.Module = learned
        self._learned, self._describe = learned, describe
        self._model, self._dataset, self._samples = model, dataset, samples

    def look(self, rows: Int64, generator: torch.Generator) -> Tensor:
        """See `Sight`; a set without depth in the workspace gives the box's middle."""
        steps = self._samples.steps[rows]
        names, config, grid = self._model.spec.names, self._model.config, self._model.network.grid
        reference = self._learned.reference
        maps = [moved(self._describe(steps, name), reference.device) for name in names]
        if len(self.shape) == 1:
            size = self._dataset.episodes[0].color[names[0]].shape[1:3]
            return image_features(coarse_pixels(maps[0], reference, grid, config), size)
        views = [
            moved(camera_views(self._dataset, name, steps), reference.device) for name in names
        ]
        return coarse_points(maps, views, reference, grid, config)


def coarse_pixels(maps: Tensor, reference: Tensor, grid: Grid, config: DescriptorConfig) -> Tensor:
    """Pixels (B, K, 2) of reference descriptors (K, D) among the cells of maps (B, D, h, w)."""
    pixels = cell_pixels(maps.shape[-2], maps.shape[-1], grid).to(maps).expand(len(maps), -1, -1)
    logits = config.sharpness * match_logits(reference.expand(len(maps), -1, -1), maps)
    return local_expectation(torch.softmax(logits, -1), pixels, config.radius_px)[0]


def coarse_points(
    maps: Sequence[Tensor],
    cameras: Sequence[Views],
    reference: Tensor,
    grid: Grid,
    config: DescriptorConfig,
) -> Tensor:
    """Keypoints (B, K, 3) in base among the cells of all cameras' maps (B, D, h, w).

    Each cell stands where the depth of the pixel at its centre puts it; cells without depth or out
    of the workspace count nothing.
    """
    logits, points = [], []
    for m, views in zip(maps, cameras, strict=True):
        place, valid = _cell_points(m, views, grid, config)
        logit = match_logits(reference.expand(len(m), -1, -1), m)
        logits.append(logit.masked_fill(~valid[:, None], -1e9))
        points.append(place)
    p = torch.softmax(config.sharpness * torch.cat(logits, -1), -1)
    return local_expectation(p, torch.cat(points, 1), config.radius_m)[0]


def _cell_points(
    maps: Tensor, views: Views, grid: Grid, config: DescriptorConfig
) -> tuple[Tensor, Tensor]:
    """Points (B, M, 3) in base of the pixels nearest to the cells' centres, and validity (B, M)."""
    height, width = views.depth_m.shape[1:]
    pixels = cell_pixels(maps.shape[-2], maps.shape[-1], grid).round().long().to(maps.device)
    u, v = pixels[:, 0].clamp(0, width - 1), pixels[:, 1].clamp(0, height - 1)
    points, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
    points, valid = points[:, v, u], valid[:, v, u]
    inside = valid & in_workspace(points, config.workspace)
    middle = points.new_tensor(np.mean([config.workspace.low, config.workspace.high], axis=0))
    return torch.where(inside[..., None], points, middle), inside
