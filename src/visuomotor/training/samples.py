"""The steps that a policy is cloned from, and batches of them: single ones or sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray

from visuomotor.contracts import ACTION_SCALE
from visuomotor.dataset import Dataset
from visuomotor.geometry import pose_delta
from visuomotor.policies.heads import Scales
from visuomotor.policies.steps import longest_deltas
from visuomotor.training.batches import Steps
from visuomotor.training.chunks import acted_steps

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Samples:
    """N steps: T_base_ee and target (N, 4, 4), widths (N,) in m.

    steps (N, 2): episode and step numbers, in order.
    """

    steps: Steps
    T_base_ee: NDArray[np.float64]
    target: NDArray[np.float64]
    width_m: NDArray[np.float64]
    target_width_m: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def only(self, chosen: NDArray[np.bool_]) -> Samples:
        """Those that a mask (N,) marks."""
        return Samples(*(getattr(self, f.name)[chosen] for f in fields(self)))


def find_samples(dataset: Dataset) -> Samples:
    """Every step with a set and an accepted target; DataError if there is none."""
    episodes = dataset.episodes
    steps = acted_steps(dataset)
    return Samples(
        steps,
        np.stack([episodes[e].T_base_ee[t] for e, t in steps]),
        np.stack([episodes[e].action_pose[t] for e, t in steps]),
        np.array([episodes[e].gripper_width_m[t] for e, t in steps]),
        np.array([episodes[e].action_width_m[t] for e, t in steps]),
    )


def sequences(samples: Samples, every: int) -> list[Int64]:
    """Rows of each episode's every n-th step, one sequence per phase; none is shorter than two."""
    found = []
    for episode in np.unique(samples.steps[:, 0]):
        rows = np.flatnonzero(samples.steps[:, 0] == episode)
        for phase in range(every):
            chosen = rows[samples.steps[rows, 1] % every == phase]
            if len(chosen) > 1:
                found.append(chosen)
    return found


def padded(chosen: Sequence[Int64]) -> tuple[Int64, NDArray[np.bool_]]:
    """Sequences as rows (B, T) and a mask (B, T) of those that are none but the last repeated."""
    length = max(len(c) for c in chosen)
    rows = np.stack([np.pad(c, (0, length - len(c)), mode="edge") for c in chosen])
    mask = np.stack([np.arange(length) < len(c) for c in chosen])
    return rows, mask


def scales_of(
    samples: Samples,
    seen: torch.Tensor | tuple[int, ...],
    noise_position_m: float,
    noise_rotation_rad: float,
) -> Scales:
    """The normaliser: the spread of the deltas *with* the noise that will be added to them.

    Without the noise a direction that hardly moves in the demonstrations (the rotation) would be
    blown up, and its noise would drown the rest of the loss. seen: what is seen in every step
    (N, ...), or its shape where that is still to be learned.
    """
    delta = pose_delta(samples.T_base_ee, samples.target)
    noise = np.repeat((noise_position_m, noise_rotation_rad), 3)
    floor = 0.001 * np.array(ACTION_SCALE[:6])
    spread = np.maximum(np.sqrt((delta**2).mean(0) + noise**2), floor)
    widths = samples.target_width_m
    low, high = float(widths.min()), float(widths.max())
    if isinstance(seen, tuple):
        mean, deviation = torch.zeros(seen), torch.full(seen, LEARNED_SPREAD)
    else:
        mean, deviation = seen.mean(0), seen.std(0).clamp_min(1e-3)
    return Scales(
        mean,
        deviation,
        torch.from_numpy(spread.astype(np.float32)),
        torch.tensor([low, max(high, low + 1e-3)]),
        torch.from_numpy(longest_deltas(delta).astype(np.float32)),
    )


LEARNED_SPREAD = 0.3
"""Of features in [-1, 1] that are learned together with the head."""
