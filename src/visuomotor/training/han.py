"""Trains a hand-eye action network: behaviour cloning, end to end.

Hand-Eye Action Networks, section IV-D: the distance to the demonstrated action, plus the angle
between the two. The gripper is classified; noise on the hand's pose as for every other family.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.checkpoint import save_checkpoint
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.geometry import pose_delta
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.han.config import HanConfig
from visuomotor.policies.han.network import STEP_M, HanNetwork, HanOutput
from visuomotor.policies.han.policy import hand_of
from visuomotor.policies.han.scales import Scales
from visuomotor.policies.han.sight import sight_of, training_corners
from visuomotor.policies.steps import longest_deltas
from visuomotor.training.auxiliary import METRICS as WEAK_METRICS
from visuomotor.training.auxiliary import WeakSettings, WeakTask, open_weak, region_classifier
from visuomotor.training.batches import Steps, camera_views
from visuomotor.training.chunks import acted_steps, chunk_targets
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.loop import optimise
from visuomotor.training.noise import disturbed
from visuomotor.training.progress import Report
from visuomotor.training.state import TrainingState, inputs_key
from visuomotor.training.touches import Touches, find_touches, touch_loss

TURN_RAD = 0.05
"""One unit of a turn's loss."""
STILL_M = 0.003
"""A shorter action has no direction that is worth learning."""
_COSINE = 1.0 - 1e-4  # the slope of arccos is infinite at its ends
_METRICS = ("loss", "distance", "angle", "turn", "width", "entropy", "touch")


@dataclass(frozen=True)
class HanTrainingConfig(HanConfig, WeakSettings):
    """One training run; its policy's own settings come first.

    Weak images (`WeakSettings`) are seen as the first camera's, whose regions are classified. task,
    episodes: only this task, only the first so many (None: all). angle_weight: of the angle
    between the two actions (rad) beside their distance (units of 2 cm). width_weight: of the
    gripper's cross-entropy. touch_weight: of the keypoint's distance from where the hand touches
    something next (`touches`; the paper has none). noise_*: standard deviations of what is added
    to the robot's state; the targets stay where they were in the world.
    """

    task: str | None = None
    episodes: int | None = None
    cameras: tuple[CameraSpec, ...] = (CameraSpec("front"),)
    steps: int = 6000
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    angle_weight: float = 0.1
    width_weight: float = 0.5
    touch_weight: float = 0.0
    noise_position_m: float = 0.01
    noise_rotation_rad: float = 0.05
    noise_width_m: float = 0.001
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_weak("han")
        weights = (self.angle_weight, self.width_weight, self.touch_weight)
        noises = (self.noise_position_m, self.noise_rotation_rad, self.noise_width_m)
        if not self.cameras or not all(c.depth for c in self.cameras):
            raise ValueError("han: expected at least one camera, every one with depth")
        if min(self.steps, self.batch) < 1 or min(*weights, *noises) < 0 or self.learning_rate <= 0:
            raise ValueError(
                f"han training: got steps {self.steps}, batch {self.batch}, learning_rate "
                f"{self.learning_rate}, weights {weights}, noises {noises}; expected positive "
                "numbers, weights and noises >= 0"
            )

    def policy(self) -> HanConfig:
        """The settings that the checkpoint keeps."""
        return HanConfig(**{f.name: getattr(self, f.name) for f in fields(HanConfig)})


@dataclass(frozen=True)
class Samples:
    """N steps (N, 2) as episode and step: T_base_ee (N, 4, 4), width_m (N,), and what follows.

    target (N, T, 4, 4), target_width_m (N, T), target_valid (N, T): as `chunk_targets`. touches:
    where the hand touches something.
    """

    steps: Steps
    T_base_ee: NDArray[np.float64]
    width_m: NDArray[np.float64]
    target: NDArray[np.float64]
    target_width_m: NDArray[np.float64]
    target_valid: NDArray[np.bool_]
    touches: Touches


def train_han(
    config: HanTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Trains attention, switch and action together and writes a checkpoint to `out`."""
    spec = ObservationSpec(config.cameras)
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    out.mkdir(parents=True, exist_ok=True)
    samples = find_samples(dataset, config.chunk)
    scales = scales_of(samples)
    torch.manual_seed(config.seed)
    network = HanNetwork(config.policy(), len(config.cameras))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model: nn.Module = network
    auxiliary, weak = None, None
    if config.weak:
        weak = open_weak(config, dataset, config.cameras[0], report)
        task = WeakTask(config, weak, config.steps)
        auxiliary = region_classifier(task, network.attention)
        model = nn.ModuleDict({"network": network, "auxiliary": auxiliary.module})
    key = inputs_key(
        {
            "config": asdict(config),
            "episodes": [e.name for e in dataset.episodes],
            "weak": None if weak is None else weak.key,
        }
    )

    def step(
        rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        rows = rng.integers(len(samples.steps), size=config.batch)
        loss, values = han_loss(network, dataset, samples, rows, scales, config, rng, generator)
        return (loss, values) if auxiliary is None else auxiliary.add(loss, values, rng)

    optimise(
        "train_policy",
        model,
        step,
        config,
        seed=config.seed,
        out=out,
        key=key,
        metrics=_METRICS if auxiliary is None else (*_METRICS, *WEAK_METRICS),
        report=report,
        should_stop=should_stop,
        report_every=25,
        save_every=250,
        begin=(lambda n: None) if auxiliary is None else auxiliary.begin,
        device=device,
    )
    card = (
        "# Hand-eye action network\n"
        f"Trained for {config.steps} steps of {config.batch} on {len(samples.steps)} steps of "
        f"{len(dataset)} episodes, seed {config.seed}.\n"
    )
    card += f"Beside them weak images: {weak.summary}.\n" if weak is not None else ""
    tensors = network.state_dict()
    save_checkpoint(out, "han", network.config, tensors, scales.tensors(), spec, card)
    TrainingState(out, key).clear()


def find_samples(dataset: Dataset, chunk: int) -> Samples:
    """Every step with a set and an accepted target; DataError if there is none."""
    episodes, steps = dataset.episodes, acted_steps(dataset)
    return Samples(
        steps,
        np.stack([episodes[e].T_base_ee[t] for e, t in steps]),
        np.array([episodes[e].gripper_width_m[t] for e, t in steps]),
        *chunk_targets(dataset, steps, chunk),
        touches=find_touches(dataset, steps),
    )


def scales_of(samples: Samples) -> Scales:
    """The normaliser."""
    widths = samples.target_width_m[samples.target_valid]
    low, high = float(widths.min()), float(widths.max())
    delta = pose_delta(samples.T_base_ee[:, None], samples.target)
    longest = longest_deltas(delta, samples.target_valid)
    return Scales(
        torch.tensor([low, max(high, low + 1e-3)]), torch.from_numpy(longest.astype(np.float32))
    )


def han_loss(
    network: HanNetwork,
    dataset: Dataset,
    samples: Samples,
    rows: NDArray[np.int64],
    scales: Scales,
    config: HanTrainingConfig,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of the samples `rows` (n,), with noise and random regions."""
    n, device = len(rows), device_of(network)
    sights = []
    for camera in config.cameras:
        corners = training_corners(config, (camera.height, camera.width), n, generator)
        views = camera_views(dataset, camera.name, samples.steps[rows])
        sights.append(sight_of(*moved((views, corners), device)))
    T_base_ee = disturbed(
        samples.T_base_ee[rows], config.noise_position_m, config.noise_rotation_rad, rng
    )
    width = samples.width_m[rows] + rng.normal(0, config.noise_width_m, n)
    output, _ = network(sights, moved(hand_of(T_base_ee, width), device))
    wanted = pose_delta(T_base_ee[:, None], samples.target[rows]).astype(np.float32)
    low, high = scales.width.tolist()
    share = np.clip((samples.target_width_m[rows] - low) / (high - low), 0, 1)
    labels = (
        torch.from_numpy(wanted),
        torch.from_numpy(share.astype(np.float32)),
        torch.from_numpy(samples.target_valid[rows]),
    )
    loss, values = action_loss(output, *moved(labels, device), config)
    places = torch.from_numpy(samples.touches.places[rows].astype(np.float32))
    known = torch.from_numpy(samples.touches.known[rows])
    touch = touch_loss(output.keypoint, *moved((places, known), device))
    touch = (touch * output.seen).sum() / output.seen.sum().clamp_min(1)
    loss = loss + config.touch_weight * touch
    return loss, {**values, "loss": loss, "touch": touch}


def action_loss(
    output: HanOutput, wanted: Tensor, open_share: Tensor, valid: Tensor, config: HanTrainingConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Distance and angle to the demonstrated deltas (B, T, 6), and the gripper's classification.

    open_share (B, T): of the way from the least to the greatest width. valid (B, T). The angle
    counts where both actions are longer than 3 mm, and its slope is bounded where they agree.
    """
    weight = (valid & output.seen[:, None]).float()
    total = weight.sum().clamp_min(1.0)
    moved = wanted[..., :3]
    distance = ((output.delta - moved) / STEP_M).square().sum(-1).add(1e-6).sqrt()
    distance_loss = (distance * weight).sum() / total
    lengths = output.delta.norm(dim=-1).clamp_min(1e-6) * moved.norm(dim=-1).clamp_min(1e-6)
    cosine = ((output.delta * moved).sum(-1) / lengths).clamp(-_COSINE, _COSINE)
    directed = weight * (moved.norm(dim=-1) > STILL_M) * (output.delta.norm(dim=-1) > 1e-4)
    angle_loss = (torch.acos(cosine) * directed).sum() / directed.sum().clamp_min(1.0)
    width_losses = F.binary_cross_entropy_with_logits(
        output.width_logit, open_share, reduction="none"
    )
    width_loss = (width_losses * weight).sum() / total
    turn = ((output.turn - wanted[..., 3:]) / TURN_RAD).square().sum(-1).add(1e-6).sqrt()
    turn_loss = (turn * weight).sum() / total
    loss = distance_loss + config.angle_weight * angle_loss + config.width_weight * width_loss
    if config.rotation:
        loss = loss + turn_loss
    p = output.confidence
    entropy = -(p * p.clamp_min(1e-12).log()).sum(-1).mean()
    return loss, {
        "loss": loss,
        "distance": distance_loss,
        "angle": angle_loss,
        "turn": turn_loss,
        "width": width_loss,
        "entropy": entropy,
    }
