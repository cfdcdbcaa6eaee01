"""The targets that follow a step: what a policy that gives chunks is cloned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visuomotor.dataset import Dataset
from visuomotor.errors import DataError
from visuomotor.training.batches import Steps, valid_steps


def acted_steps(dataset: Dataset) -> Steps:
    """Every step (N, 2) with a set and an accepted target; DataError if there is none."""
    episodes = dataset.episodes
    steps = np.array(
        [s for s in valid_steps(dataset) if episodes[s[0]].action_valid[s[1]]], np.int64
    ).reshape(-1, 2)
    if len(steps) == 0:
        raise DataError(
            "no step of the dataset has an accepted target; was command/target_pose recorded?"
        )
    return steps


def chunk_targets(
    dataset: Dataset, steps: Steps, length: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Poses (N, T, 4, 4), widths (N, T) in m, and which of them were accepted, in the episode."""
    poses, widths, valid = [], [], []
    for e, t in steps:
        episode = dataset.episodes[e]
        wished = t + np.arange(length)
        there = np.minimum(wished, len(episode) - 1)
        poses.append(episode.action_pose[there])
        widths.append(episode.action_width_m[there])
        valid.append(episode.action_valid[there] & (wished == there))
    return np.stack(poses), np.stack(widths), np.stack(valid)
