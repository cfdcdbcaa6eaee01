"""Trains the dense family's policy on keypoints that a frozen descriptor network found.

Florence, Manuelli and Tedrake 2019, sections III and V; noise augmentation as in section V-B.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from visuomotor.checkpoint import save_checkpoint
from visuomotor.contracts import ACTION_SCALE
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.model import DescriptorModel, load_descriptors
from visuomotor.errors import ConfigError, DataError
from visuomotor.geometry import apply_delta, pose_delta
from visuomotor.policies.dense.config import DensePolicyConfig
from visuomotor.policies.dense.head import DenseHead, Scales
from visuomotor.policies.dense.policy import robot_inputs
from visuomotor.training.batches import camera_views, valid_steps
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Progress, Report
from visuomotor.training.state import TrainingState, inputs_key


@dataclass(frozen=True)
class DenseTrainingConfig:
    """One training run of a dense policy.

    descriptors: the folder of a trained descriptor network. task, episodes: only this task, only
    the first so many (None: all). noise_*: standard deviations of what
    is added to the robot's state (the target pose stays where it was in the world) and to the
    keypoints. width_weight: of the gripper's cross-entropy beside the L2 + 0.1 L1 of the delta in
    units of its own spread (the paper's 1 m and 0.1 rad would let rotation noise rule the loss).
    """

    descriptors: str = ""
    task: str | None = None
    episodes: int | None = None
    hidden: tuple[int, ...] = (256, 256)
    dropout: float = 0.1
    steps: int = 4000
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    noise_position_m: float = 0.005
    noise_rotation_rad: float = 0.02
    noise_width_m: float = 0.001
    noise_keypoint_m: float = 0.003
    width_weight: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        noises = (
            self.noise_position_m,
            self.noise_rotation_rad,
            self.noise_width_m,
            self.noise_keypoint_m,
        )
        if min(self.steps, self.batch) < 1 or min(noises) < 0 or self.learning_rate <= 0:
            raise ValueError(
                f"dense training: got steps {self.steps}, batch {self.batch}, learning_rate "
                f"{self.learning_rate}, noises {noises}; expected positive numbers, noises >= 0"
            )


@dataclass(frozen=True)
class Samples:
    """N steps: keypoints (N, K, 3) in base, T_base_ee and target (N, 4, 4), widths (N,) in m."""

    points: NDArray[np.float32]
    T_base_ee: NDArray[np.float64]
    target: NDArray[np.float64]
    width_m: NDArray[np.float64]
    target_width_m: NDArray[np.float64]


def train_dense(
    config: DenseTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Finds the keypoints of every step once, trains the head, writes a checkpoint to `out`."""
    if not config.descriptors:
        raise ConfigError(
            "dense training: no `descriptors` folder given; train descriptors first "
            "(visuomotor train descriptors) and set it"
        )
    descriptors = load_descriptors(config.descriptors)
    dataset = open_dataset(
        dataset_root, descriptors.spec, task=config.task, episodes=config.episodes
    )
    out.mkdir(parents=True, exist_ok=True)
    samples = find_samples(descriptors, dataset, report)
    scales = scales_of(samples, config)
    model_config = DensePolicyConfig(descriptors.config, config.hidden, config.dropout)
    torch.manual_seed(config.seed)
    head = DenseHead(model_config)
    key = inputs_key(
        {
            "config": asdict(config),
            "episodes": [e.name for e in dataset.episodes],
            "descriptors": descriptors.reference.tolist(),
        }
    )

    def step(rng: np.random.Generator, _: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        index = rng.integers(len(samples.points), size=config.batch)
        return policy_loss(head, samples, index, scales, config, rng)

    with _one_thread():
        optimise(
            "train_policy",
            head,
            step,
            steps=config.steps,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            seed=config.seed,
            out=out,
            key=key,
            metrics=("loss", "delta", "width"),
            report=report,
            should_stop=should_stop,
            report_every=50,
            save_every=1000,
        )
    tensors = {f"descriptors.{k}": t for k, t in descriptors.tensors().items()}
    tensors.update({f"head.{k}": t for k, t in head.state_dict().items()})
    card = (
        "# Dense policy\n"
        f"Trained for {config.steps} steps of {config.batch} on {len(samples.points)} steps of "
        f"{len(dataset)} episodes, seed {config.seed}, descriptors from "
        f"{Path(config.descriptors).name}.\n"
    )
    save_checkpoint(out, "dense", model_config, tensors, scales.tensors(), descriptors.spec, card)
    TrainingState(out, key).clear()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Layers as small as the head's run slower on more threads, many times so on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def find_samples(descriptors: DescriptorModel, dataset: Dataset, report: Report) -> Samples:
    """The keypoints and targets of every step that has an accepted target."""
    steps = np.array(
        [s for s in valid_steps(dataset) if dataset.episodes[s[0]].action_valid[s[1]]], np.int64
    ).reshape(-1, 2)
    if len(steps) == 0:
        raise DataError(
            "no step of the dataset has an accepted target; was command/target_pose recorded?"
        )
    points = []
    for start in range(0, len(steps), 32):
        chosen = steps[start : start + 32]
        views = [camera_views(dataset, c, chosen) for c in descriptors.spec.names]
        points.append(descriptors.locate(views).points.numpy())
        report(Progress("find_keypoints", start + len(chosen), len(steps)))
    episodes = dataset.episodes
    found = np.concatenate(points)
    seen = np.isfinite(found).all((1, 2))
    chosen = steps[seen]
    return Samples(
        found[seen],
        np.stack([episodes[e].T_base_ee[t] for e, t in chosen]),
        np.stack([episodes[e].action_pose[t] for e, t in chosen]),
        np.array([episodes[e].gripper_width_m[t] for e, t in chosen]),
        np.array([episodes[e].action_width_m[t] for e, t in chosen]),
    )


def scales_of(samples: Samples, config: DenseTrainingConfig) -> Scales:
    """The normaliser: the spread of the deltas *with* the noise that will be added to them.

    Without the noise a direction that hardly moves in the demonstrations (the rotation) would be
    blown up, and its noise would drown the rest of the loss.
    """
    delta = pose_delta(samples.T_base_ee, samples.target)
    noise = np.repeat((config.noise_position_m, config.noise_rotation_rad), 3)
    floor = 0.001 * np.array(ACTION_SCALE[:6])
    spread = np.maximum(np.sqrt((delta**2).mean(0) + noise**2), floor)
    widths = samples.target_width_m
    low, high = float(widths.min()), float(widths.max())
    return Scales(
        torch.from_numpy(samples.points.mean(0)),
        torch.from_numpy(spread.astype(np.float32)),
        torch.tensor([low, max(high, low + 1e-3)]),
    )


def policy_loss(
    head: DenseHead,
    samples: Samples,
    index: NDArray[np.int64],
    scales: Scales,
    config: DenseTrainingConfig,
    rng: np.random.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch with noise; the delta to the *unchanged* target is its label."""
    n = len(index)
    noise = np.concatenate(
        [
            rng.normal(0, config.noise_position_m, (n, 3)),
            rng.normal(0, config.noise_rotation_rad, (n, 3)),
        ],
        axis=1,
    )
    T_base_ee = apply_delta(samples.T_base_ee[index], noise)
    width = samples.width_m[index] + rng.normal(0, config.noise_width_m, n)
    clean = samples.points[index]
    points = clean + rng.normal(0, config.noise_keypoint_m, clean.shape)
    delta, logit = head(torch.from_numpy(points.astype(np.float32)), robot_inputs(T_base_ee, width))
    wanted = pose_delta(T_base_ee, samples.target[index]).astype(np.float32)
    error = delta - torch.from_numpy(wanted) / scales.delta
    delta_loss = (error.square() + 0.1 * error.abs()).mean()
    low, high = scales.width.tolist()
    share = np.clip((samples.target_width_m[index] - low) / (high - low), 0, 1)
    width_loss = F.binary_cross_entropy_with_logits(
        logit, torch.from_numpy(share.astype(np.float32))
    )
    loss = delta_loss + config.width_weight * width_loss
    return loss, {"loss": loss, "delta": delta_loss, "width": width_loss}
