"""Which K descriptors stand for the objects: spread over them, and sure to be found again."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.keypoints import descriptors_at, locate, select_pixels
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import DataError
from visuomotor.training.batches import Steps, camera_views, valid_steps
from visuomotor.training.scenes import Scene, Scenes

CANDIDATES = 8
"""Times as many pixels as keypoints are tried."""
TRIED_ON = 48
"""Sets, drawn from all episodes."""
SURE = 0.8
"""Candidates with at least this share of the K-th best confidence may be chosen."""


@torch.inference_mode()
def reference_descriptors(
    network: DescriptorNetwork, scenes: Scenes, config: DescriptorConfig, seed: int
) -> Tensor:
    """K descriptors (K, D) of points in the view that shows the most of the objects.

    The view is looked for in the first sets of the episodes, where the hand is still away. Many
    candidates are sought in other sets, without labels: those of which the network is rarely sure
    (they look like others, or lie where the cameras seldom see them) are left out, and of the
    rest K are spread over the objects. Raises DataError if no view shows an object.
    """
    count = config.keypoints
    scene = _best_view(scenes)
    pixels = select_pixels(scene.points[0], scene.objects[0], CANDIDATES * count)
    found = descriptors_at(network, scene.views.color, pixels[None])[0]
    confidence = mean_confidence(network, found, scenes, config, seed)
    least = SURE * confidence.topk(count).values[-1]
    sure = torch.zeros_like(scene.objects[0])
    u, v = pixels[confidence >= least].unbind(-1)
    sure[v, u] = True
    chosen = select_pixels(scene.points[0], sure, count)
    return descriptors_at(network, scene.views.color, chosen[None])[0].clone()


def _best_view(scenes: Scenes) -> Scene:
    first = np.array([[e, 0] for e in range(len(scenes.dataset))], np.int64)
    best: tuple[int, str, Steps] | None = None
    for camera in scenes.cameras:
        counts = scenes.at(camera, first).objects.flatten(1).sum(1)
        index = int(counts.argmax())
        if best is None or int(counts[index]) > best[0]:
            best = (int(counts[index]), camera, first[index : index + 1])
    if best is None or best[0] == 0:
        raise DataError(
            "no object stands above the table in the first set of any episode; check the "
            "workspace box, the depth and the extrinsics"
        )
    _, camera, step = best
    return scenes.at(camera, step)


def mean_confidence(
    network: DescriptorNetwork,
    descriptors: Tensor,
    scenes: Scenes,
    config: DescriptorConfig,
    seed: int,
) -> Tensor:
    """The mean confidence (N,) with which descriptors (N, D) are found in sets of the dataset."""
    steps = valid_steps(scenes.dataset)
    rng = np.random.default_rng(seed)
    some = steps[rng.choice(len(steps), min(TRIED_ON, len(steps)), replace=False)]
    parts = []
    for part in np.array_split(some, max(1, len(some) // 8)):
        views = [camera_views(scenes.dataset, camera, part) for camera in scenes.cameras]
        parts.append(locate(network, descriptors, views, config).confidence)
    return torch.cat(parts).mean(0)
