"""Trains a recurrent policy, with a goal image or without: GTI's second stage and its baselines.

On rollouts of the first stage it is GTI's second stage: cloning towards goals that are the final
images of those very rollouts. On demonstrations it is goal-conditioned BC, without a goal BC-RNN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import save_checkpoint
from visuomotor.contracts import UInt8
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.goal.action import ActionMixture
from visuomotor.policies.goal.config import GoalConfig
from visuomotor.policies.goal.network import GoalNetwork
from visuomotor.policies.heads import Scales
from visuomotor.recording.tags import GOAL, START
from visuomotor.training.cloning import METRICS, imitation_loss
from visuomotor.training.device import CPU, device_of
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Report
from visuomotor.training.samples import find_samples
from visuomotor.training.sequences import (
    CAMERAS,
    SequenceNoise,
    Sequences,
    SequenceSource,
    changed_images,
    encode,
    sequence_scales,
)
from visuomotor.training.state import TrainingState, inputs_key


@dataclass(frozen=True)
class GoalTrainingConfig(GoalConfig, SequenceNoise):
    """One training run; its policy's own settings and the noise come first.

    task, episodes: only this task, only the first so many (None: all). batch: sequences of `window`
    steps. hindsight: share of them whose goal is not their episode's final image but any
    that comes after them. width_weight: of the gripper's cross-entropy. balanced: episodes whose
    tags name a start and a goal count so that every such pair has the same weight, however often
    the first stage went that way.
    """

    task: str | None = None
    episodes: int | None = None
    cameras: tuple[CameraSpec, ...] = CAMERAS
    steps: int = 6000
    batch: int = 8
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    hindsight: float = 0.0
    width_weight: float = 0.5
    balanced: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        GoalConfig.__post_init__(self)
        SequenceNoise.__post_init__(self)
        self.check_cameras(tuple(c.name for c in self.cameras))
        if not self.cameras or any(c.depth for c in self.cameras):
            raise ValueError(
                "goal training: expected one camera or more, every one with `depth: false`"
            )
        if min(self.steps, self.batch) < 1 or self.width_weight < 0 or self.learning_rate <= 0:
            raise ValueError(
                f"goal training: got steps {self.steps}, batch {self.batch}, width_weight "
                f"{self.width_weight}, learning_rate {self.learning_rate}; expected positive "
                "numbers, weights >= 0"
            )
        if not 0 <= self.hindsight <= 1:
            raise ValueError(
                f"goal training: got hindsight {self.hindsight}, expected 0 <= hindsight <= 1"
            )

    def policy(self) -> GoalConfig:
        """The settings that the checkpoint keeps."""
        return GoalConfig(**{f.name: getattr(self, f.name) for f in fields(GoalConfig)})


def train_goal(
    config: GoalTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Trains encoder, LSTM and action head together and writes a checkpoint to `out`."""
    spec = ObservationSpec(config.cameras)
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    fit_goal(config, dataset, out, report, should_stop, device)


def fit_goal(
    config: GoalTrainingConfig,
    dataset: Dataset,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """The same on a dataset that is open."""
    out.mkdir(parents=True, exist_ok=True)
    weights = pair_weights(dataset) if config.balanced else None
    source = SequenceSource(dataset, config.window, weights)
    scales = sequence_scales(find_samples(dataset), config, config.seed)
    torch.manual_seed(config.seed)
    network = GoalNetwork(config.policy(), dataset.spec.names)

    def step(
        rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return goal_loss(network, source, scales, config, rng, generator)

    optimise(
        "train_policy",
        network.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        step,
        config,
        seed=config.seed,
        out=out,
        key=inputs_key({"config": asdict(config), "episodes": [e.name for e in dataset.episodes]}),
        metrics=METRICS,
        report=report,
        should_stop=should_stop,
        report_every=50,
        save_every=250,
        device=device,
    )
    card = (
        f"# Recurrent policy, goal: {config.goal}\n"
        f"Trained for {config.steps} steps of {config.batch} sequences of {config.window} steps on "
        f"{dataset.steps} steps of {len(dataset)} episodes, seed {config.seed}.\n"
    )
    tensors = network.state_dict()
    save_checkpoint(out, "goal", network.config, tensors, scales.tensors(), dataset.spec, card)
    TrainingState(out, "").clear()


def goal_loss(
    network: GoalNetwork,
    source: SequenceSource,
    scales: Scales,
    config: GoalTrainingConfig,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of a batch, and as METRICS also what the likeliest actions are off by."""
    batch = source.draw(config.batch, rng)
    goal = None
    if config.goal == "image":
        images = changed_images(
            goal_images(source, batch, config, rng),
            config.augmentation,
            1,
            generator,
            device_of(network),
        )
        goal = network.look_at_goal(images)
    seen = encode(network.encoder, batch, scales, config, rng, generator)
    outputs, _ = network(seen.features, goal)
    target = (seen.delta, seen.open_share)
    if not isinstance(outputs, ActionMixture):
        return imitation_loss(outputs, *target, seen.counts, config.width_weight)
    loss = -outputs.log_likelihood(*target, config.width_weight)[seen.counts].mean()
    with torch.no_grad():
        best = outputs.likeliest()
        _, values = imitation_loss(best, *target, seen.counts, config.width_weight)
    return loss, {**values, "loss": loss}


def pair_weights(dataset: Dataset) -> list[float]:
    """Of each episode, 1 on average: every pair of a start and a goal that tags name has as much.

    1 for all where some episode is without them.
    """
    pairs = [tuple(sorted(t for t in tags if t.startswith((START, GOAL)))) for tags in dataset.tags]
    steps = Counter[tuple[str, ...]]()
    for pair, episode in zip(pairs, dataset.episodes, strict=False):
        steps[pair] += len(episode)
    if not pairs or () in steps:
        return [1.0] * len(dataset)
    return [dataset.steps / (len(steps) * steps[pair]) for pair in pairs]


def goal_images(
    source: SequenceSource, batch: Sequences, config: GoalTrainingConfig, rng: np.random.Generator
) -> UInt8:
    """The goal (B, H, W, 3) of each sequence: its episode's final image, or in hindsight another.

    That is then any from the sequence's own last on.
    """
    last = np.array([len(source.dataset.episodes[e]) - 1 for e in batch.episode])
    after = np.minimum(batch.first + source.length - 1, last)
    other = rng.integers(after, last + 1)
    steps = np.where(rng.random(len(last)) < config.hindsight, other, last)
    episodes = [source.dataset.episodes[e].color[config.goal_camera] for e in batch.episode]
    return np.stack([images[t] for images, t in zip(episodes, steps, strict=True)])
