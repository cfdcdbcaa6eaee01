"""Trains EE-PointBC: behaviour cloning on coloured point clouds in the hand's frame.

The baseline that a lab would try first today (docs/methods/pointbc.md). Noise augmentation as in
Florence, Manuelli and Tedrake 2019, section V-B.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from visuomotor.checkpoint import save_checkpoint
from visuomotor.contracts import ACTION_SCALE
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.pointbc.cloud import crop_clouds
from visuomotor.policies.pointbc.config import PointBCConfig
from visuomotor.policies.pointbc.network import PointBCNetwork, Scales
from visuomotor.policies.pointbc.policy import deltas_to
from visuomotor.policies.steps import longest_deltas
from visuomotor.training.batches import Steps, camera_views
from visuomotor.training.chunks import acted_steps, chunk_targets
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.loop import one_thread, optimise
from visuomotor.training.noise import disturbed
from visuomotor.training.progress import Progress, Report
from visuomotor.training.state import TrainingState, inputs_key

UNIT_M = 1e-4
"""Clouds are kept in memory in tenths of a millimetre."""


@dataclass(frozen=True)
class PointBCTrainingConfig(PointBCConfig):
    """One training run; its policy's own settings come first.

    task, episodes: only this task, only the first so many (None: all). stored: points of a cloud
    that are kept to draw from. noise_*: standard deviations of what is added to the robot's
    state (the targets stay where they were in the world) and to every point. width_weight: of the
    gripper's cross-entropy beside the L1 of the deltas in units of their own spread.
    """

    task: str | None = None
    episodes: int | None = None
    cameras: tuple[CameraSpec, ...] = (CameraSpec("front"), CameraSpec("side"))
    stored: int = 1024
    steps: int = 4000
    batch: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    noise_position_m: float = 0.01
    noise_rotation_rad: float = 0.1
    noise_width_m: float = 0.001
    noise_point_m: float = 0.001
    width_weight: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        noises = (
            self.noise_position_m,
            self.noise_rotation_rad,
            self.noise_width_m,
            self.noise_point_m,
        )
        numbers = min(self.steps, self.batch, self.stored)
        if not self.cameras or numbers < 1 or min(noises) < 0 or self.learning_rate <= 0:
            raise ValueError(
                f"pointbc training: got {len(self.cameras)} cameras, steps {self.steps}, batch "
                f"{self.batch}, stored {self.stored}, learning_rate {self.learning_rate}, noises "
                f"{noises}; expected a camera, positive numbers, noises >= 0"
            )

    def policy(self) -> PointBCConfig:
        """The settings that the checkpoint keeps."""
        return PointBCConfig(**{f.name: getattr(self, f.name) for f in fields(PointBCConfig)})


@dataclass(frozen=True)
class Samples:
    """N steps, each with its cloud and the T targets from then on.

    points (N, P, 3) int16 in UNIT_M in base and color (N, P, 3) uint8, of which the first count
    (N,) are there. T_base_ee (N, 4, 4), width_m (N,); target (N, T, 4, 4), target_width_m (N, T),
    target_valid (N, T): it was accepted, and within the episode.
    """

    points: NDArray[np.int16]
    color: NDArray[np.uint8]
    count: NDArray[np.int64]
    T_base_ee: NDArray[np.float64]
    width_m: NDArray[np.float64]
    target: NDArray[np.float64]
    target_width_m: NDArray[np.float64]
    target_valid: NDArray[np.bool_]


def train_pointbc(
    config: PointBCTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Crops the cloud of every step once, trains, writes a checkpoint to `out`."""
    spec = ObservationSpec(config.cameras)
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    out.mkdir(parents=True, exist_ok=True)
    samples = find_samples(dataset, config, report)
    scales = scales_of(samples, config)
    torch.manual_seed(config.seed)
    network = PointBCNetwork(config.policy())
    names = [e.name for e in dataset.episodes]
    key = inputs_key({"config": asdict(config), "episodes": names})

    def step(rng: np.random.Generator, _: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        index = rng.integers(len(samples.count), size=config.batch)
        return policy_loss(network, samples, index, scales, config, rng)

    with one_thread():
        optimise(
            "train_policy",
            network,
            step,
            config,
            seed=config.seed,
            out=out,
            key=key,
            metrics=("loss", "delta", "width"),
            report=report,
            should_stop=should_stop,
            report_every=50,
            save_every=500,
            device=device,
        )
    card = (
        "# EE-PointBC policy\n"
        f"Trained for {config.steps} steps of {config.batch} on {len(samples.count)} steps of "
        f"{len(dataset)} episodes, seed {config.seed}.\n"
    )
    tensors = network.state_dict()
    save_checkpoint(out, "pointbc", network.config, tensors, scales.tensors(), spec, card)
    TrainingState(out, key).clear()


def find_samples(
    dataset: Dataset, config: PointBCTrainingConfig, report: Report = lambda _: None
) -> Samples:
    """Every step that has an accepted target and a point in its cloud; DataError if none has."""
    episodes, steps = dataset.episodes, acted_steps(dataset)
    hands = np.stack([episodes[e].T_base_ee[t] for e, t in steps])
    width_m = np.array([episodes[e].gripper_width_m[t] for e, t in steps])
    points, color, count = _clouds(dataset, steps, hands, width_m, config, report)
    seen = count > 0
    if not seen.any():
        raise DataError(
            f"no step of the dataset has a point in the workspace {config.cloud.workspace.low} to "
            f"{config.cloud.workspace.high}; set cloud.workspace to where the objects are in base"
        )
    target, target_width_m, target_valid = chunk_targets(dataset, steps[seen], config.chunk)
    return Samples(
        points[seen],
        color[seen],
        count[seen],
        hands[seen],
        width_m[seen],
        target,
        target_width_m,
        target_valid,
    )


def _clouds(
    dataset: Dataset,
    steps: Steps,
    hands: NDArray[np.float64],
    width_m: NDArray[np.float64],
    config: PointBCTrainingConfig,
    report: Report,
) -> tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.int64]]:
    """points, color and count of `Samples`; of larger clouds a random part."""
    shape = (len(steps), config.stored, 3)
    points, color = np.zeros(shape, np.int16), np.zeros(shape, np.uint8)
    count = np.zeros(len(steps), np.int64)
    rng = np.random.default_rng(config.seed)
    for start in range(0, len(steps), 32):
        chosen = steps[start : start + 32]
        views = [camera_views(dataset, c, chosen) for c in dataset.spec.names]
        part = slice(start, start + 32)
        clouds = crop_clouds(views, hands[part], width_m[part], config.cloud)
        for i, whole in enumerate(clouds, start):
            cloud = whole[rng.permutation(len(whole))[: config.stored]]
            count[i] = n = len(cloud)
            points[i, :n] = np.rint(cloud.points / UNIT_M)
            color[i, :n] = cloud.color
        report(Progress("crop_clouds", start + len(chosen), len(steps)))
    return points, color, count


def scales_of(samples: Samples, config: PointBCTrainingConfig) -> Scales:
    """The normaliser: the spread of the deltas *with* the noise that will be added to them."""
    delta = deltas_to(samples.T_base_ee[:, None], samples.target, config.absolute)  # (N, T, 6)
    weight = samples.target_valid[..., None]
    noise = np.repeat((config.noise_position_m, config.noise_rotation_rad), 3)
    floor = 0.001 * np.array(ACTION_SCALE[:6])
    variance = (delta**2 * weight).sum(0) / np.maximum(weight.sum(0), 1)
    spread = np.maximum(np.sqrt(variance + noise**2), floor)
    widths = samples.target_width_m[samples.target_valid]
    low, high = float(widths.min()), float(widths.max())
    return Scales(
        torch.from_numpy(spread.astype(np.float32)),
        torch.tensor([low, max(high, low + 1e-3)]),
        torch.from_numpy(longest_deltas(delta, samples.target_valid).astype(np.float32)),
    )


def policy_loss(
    network: PointBCNetwork,
    samples: Samples,
    index: NDArray[np.int64],
    scales: Scales,
    config: PointBCTrainingConfig,
    rng: np.random.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The L1 loss of a batch with noise; deltas to the *unchanged* targets are its labels.

    The cloud stays where it is in the world, too: the network sees it from the disturbed hand.
    """
    n = len(index)
    T_base_ee = disturbed(
        samples.T_base_ee[index], config.noise_position_m, config.noise_rotation_rad, rng
    )
    width = samples.width_m[index] + rng.normal(0, config.noise_width_m, n)
    drawn = (rng.random((n, config.points)) * samples.count[index, None]).astype(np.int64)
    points = samples.points[index[:, None], drawn].astype(np.float32) * np.float32(UNIT_M)
    points += np.float32(config.noise_point_m) * rng.standard_normal(points.shape, np.float32)
    wanted = deltas_to(T_base_ee[:, None], samples.target[index], config.absolute)
    low, high = scales.width.tolist()
    share = np.clip((samples.target_width_m[index] - low) / (high - low), 0, 1)
    inputs = (
        torch.from_numpy(points),
        torch.from_numpy(samples.color[index[:, None], drawn]),
        torch.from_numpy(T_base_ee.astype(np.float32)),
        torch.from_numpy(width.astype(np.float32)),
    )
    labels = (
        torch.from_numpy(wanted.astype(np.float32)) / scales.delta,
        torch.from_numpy(share.astype(np.float32)),
        torch.from_numpy(samples.target_valid[index].astype(np.float32)),
    )
    inputs, (wanted_delta, open_share, weight) = moved((inputs, labels), device_of(network))
    delta, logit, _ = network(*inputs)
    error = (delta - wanted_delta).abs().mean(-1)  # (n, T), as weight
    delta_loss = (error * weight).sum() / weight.sum()
    width_losses = F.binary_cross_entropy_with_logits(logit, open_share, reduction="none")
    width_loss = (width_losses * weight).sum() / weight.sum()
    loss = delta_loss + config.width_weight * width_loss
    return loss, {"loss": loss, "delta": delta_loss, "width": width_loss}
