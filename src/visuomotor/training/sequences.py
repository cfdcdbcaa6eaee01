"""Batches of sequences: several cameras' images, the robot, its targets, and rest at the end.

Images stay where the dataset has them, behind memory maps; only a batch's are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visuomotor.contracts import Float64, UInt8
from visuomotor.dataset import Dataset
from visuomotor.networks import normalise_color
from visuomotor.observations import CameraSpec
from visuomotor.policies.cameras import ObservationEncoder, normalised, robot_state
from visuomotor.policies.heads import Scales
from visuomotor.training.cloning import labels_of
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.image_augmentation import ImageAugmentation, augment_images
from visuomotor.training.noise import disturbed
from visuomotor.training.samples import Int64, Samples, scales_of

CAMERAS = (CameraSpec("front", 72, 96, depth=False), CameraSpec("wrist", 48, 64, depth=False))
"""What policies on sequences look with, unless they are told otherwise."""


@dataclass(frozen=True)
class SequenceNoise:
    """What is changed at random in training.

    noise_*: standard deviations of what is added to the robot's state in each step; the targets
    stay where they were in the world. augmentation: of images, alike in all steps of a sequence.
    """

    noise_position_m: float = 0.002
    noise_rotation_rad: float = 0.02
    noise_width_m: float = 0.001
    augmentation: ImageAugmentation = ImageAugmentation(brightness=0.1, contrast=0.1, shift=0.04)

    def __post_init__(self) -> None:
        noises = (self.noise_position_m, self.noise_rotation_rad, self.noise_width_m)
        if min(noises) < 0:
            raise ValueError(f"sequences: got noises {noises}, expected 0 or more")


@dataclass(frozen=True)
class Sequences:
    """B sequences of T steps; a step after an episode's end shows its last set, and is to rest.

    color: (B, T, H, W, 3) uint8 per camera. T_base_ee, target (B, T, 4, 4) in base; width_m,
    target_width_m (B, T). counts (B, T): there is a set and a target. episode, first (B,): which
    steps they are.
    """

    color: tuple[UInt8, ...]
    T_base_ee: Float64
    width_m: Float64
    target: Float64
    target_width_m: Float64
    counts: NDArray[np.bool_]
    episode: Int64
    first: Int64


class SequenceSource:
    """All sequences of `length` steps of a dataset, those that reach beyond an end included.

    weights: how much likelier one of an episode's sequences is drawn than one of weight 1; all are
    alike by default.
    """

    def __init__(
        self, dataset: Dataset, length: int, weights: Sequence[float] | None = None
    ) -> None:
        self.dataset, self.length = dataset, length
        self._windows = dataset.windows(length, pad_after=length - 1, depth=False)
        self._lengths = np.array([len(e) for e in dataset.episodes])
        self._until = (
            None
            if weights is None
            else np.cumsum(np.asarray(weights)[self._windows.index[:, 0]], dtype=float)
        )

    def __len__(self) -> int:
        return len(self._windows)

    def draw(self, count: int, rng: np.random.Generator) -> Sequences:
        """So many sequences, each as likely as its episode's weight says."""
        if self._until is None:
            rows = rng.integers(len(self), size=count)
        else:
            rows = np.searchsorted(self._until, self._until[-1] * rng.random(count), side="right")
        batch = self._windows.batch(rows)
        episode, first = self._windows.index[rows].T
        ended = first[:, None] + np.arange(self.length) >= self._lengths[episode][:, None]
        T_base_ee = batch["T_base_ee"]
        return Sequences(
            tuple(batch[f"{name}/color"] for name in self.dataset.spec.names),
            T_base_ee,
            batch["gripper_width_m"],
            np.where(ended[..., None, None], T_base_ee, batch["action_pose"]),
            batch["action_width_m"],
            batch["action_mask"] | ended,
            episode,
            first,
        )


@dataclass(frozen=True)
class Encoded:
    """What a network is given of B sequences, and what it is to say.

    features (B, T, F); delta (B, T, 6) normalised and open_share (B, T) as `cloning.labels_of`;
    counts (B, T).
    """

    features: Tensor
    delta: Tensor
    open_share: Tensor
    counts: Tensor


def encode(
    encoder: ObservationEncoder,
    sequences: Sequences,
    scales: Scales,
    noise: SequenceNoise,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Encoded:
    """The sequences with noise and changed images through the encoder, where that is."""
    device = device_of(encoder)
    b, t = sequences.width_m.shape
    T_base_ee = disturbed(
        sequences.T_base_ee, noise.noise_position_m, noise.noise_rotation_rad, rng
    )
    width = sequences.width_m + rng.normal(0, noise.noise_width_m, (b, t))
    robot = normalised(robot_state(T_base_ee, width), scales).flatten(0, 1)
    images = [
        changed_images(
            color.reshape(b * t, *color.shape[2:]), noise.augmentation, t, generator, device
        )
        for color in sequences.color
    ]
    features = encoder(images, moved(robot, device)).reshape(b, t, -1)
    labels = labels_of(T_base_ee, sequences.target, sequences.target_width_m, scales)
    delta, open_share, counts = moved((*labels, torch.from_numpy(sequences.counts)), device)
    return Encoded(features, delta, open_share, counts)


def changed_images(
    color: UInt8,
    augmentation: ImageAugmentation,
    alike: int,
    generator: torch.Generator,
    device: torch.device = CPU,
) -> Tensor:
    """Images (N, 3, H, W) in [-1, 1], channels last, changed at random, `alike` in a row."""
    images = normalise_color(moved(torch.from_numpy(color), device))
    images = augment_images(images, augmentation, generator, alike)
    return images.contiguous(memory_format=torch.channels_last)


def sequence_scales(samples: Samples, noise: SequenceNoise, seed: int) -> Scales:
    """The normaliser; `seen` and `spread` are of the robot's state with its noise."""
    rng = np.random.default_rng(seed)
    T = disturbed(samples.T_base_ee, noise.noise_position_m, noise.noise_rotation_rad, rng)
    width = samples.width_m + rng.normal(0, noise.noise_width_m, len(samples))
    state = robot_state(T, width)
    return scales_of(samples, state, noise.noise_position_m, noise.noise_rotation_rad)
