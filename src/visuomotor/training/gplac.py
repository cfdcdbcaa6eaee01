"""Trains a GPLAC policy and its baselines.

Singh, Yang and Levine 2017: GPLAC: Generalizing Vision-Based Robotic Skills using Weakly Labeled
Images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch

from visuomotor.checkpoint import save_checkpoint
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.observations import ObservationSpec
from visuomotor.policies.gplac.config import GplacConfig
from visuomotor.policies.gplac.first_layer import load_first_layer
from visuomotor.policies.gplac.network import GplacNetwork
from visuomotor.policies.heads import Scales
from visuomotor.training.auxiliary import WeakTask, open_weak
from visuomotor.training.device import CPU
from visuomotor.training.gplac_config import GplacTrainingConfig
from visuomotor.training.gplac_first import First, classify_first, locate_first
from visuomotor.training.gplac_objective import Objective
from visuomotor.training.image_augmentation import UNCHANGED
from visuomotor.training.images import camera_images
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Report
from visuomotor.training.push_starts import find_pushes
from visuomotor.training.samples import Samples, find_samples, scales_of
from visuomotor.training.state import TrainingState, inputs_key

__all__ = ["GplacTrainingConfig", "train_gplac"]


def train_gplac(
    config: GplacTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Trains the network on demonstrations and weak images and writes a checkpoint to `out`."""
    spec = ObservationSpec((replace(config.camera, depth=False),))
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    weak = open_weak(config, dataset, config.camera, report) if config.weak else None
    out.mkdir(parents=True, exist_ok=True)
    samples, policy = find_targets(config, dataset)
    network = begun_network(config, policy)
    scales = feature_scales(config, network, samples)
    images = camera_images(dataset, config.camera.name, samples.steps)
    beside = None
    if weak is not None and config.use not in ("finetune", "frozen"):
        changed = config.weak_augmentation if config.classifies else config.augmentation
        beside = WeakTask(config, weak, config.steps, changed)
    unseen = None
    if config.weak_unseen:
        others = open_weak(config, dataset, config.camera, report, config.weak_unseen)
        unseen = WeakTask(config, others, config.steps, UNCHANGED)
    objective = Objective(config, network, images, samples, scales, beside, unseen)
    first = First(config, out, report, should_stop, device)
    if weak is not None and config.use in ("finetune", "frozen"):
        classify_first(first, network.encoder, weak)
        if config.use == "frozen":
            network.encoder.requires_grad_(False)
            network.encoder.backbone.freeze()
    elif config.pose_objects:
        locate_first(first, network.encoder, dataset_root)
    key = {
        "config": asdict(config),
        "episodes": [e.name for e in dataset.episodes],
        "weak": None if weak is None else weak.key,
    }
    optimise(
        "train_policy",
        objective.model,
        objective.step,
        config,
        seed=config.seed,
        out=out,
        key=inputs_key(key),
        metrics=objective.metrics,
        report=report,
        should_stop=should_stop,
        report_every=25,
        save_every=250,
        begin=objective.begin,
        device=device,
    )
    card = (
        f"# GPLAC: {config.network}, {'without weak images' if weak is None else config.use}\n"
        f"Trained for {config.steps} steps of {config.batch} on {len(samples)} steps of "
        f"{len(dataset)} episodes, seed {config.seed}; first layer "
        f"{config.first_layer or 'begun at random, not with the weights of VGG-16'}.\n"
    )
    card += f"Weak images: {weak.summary}.\n" if weak is not None else ""
    save_checkpoint(out, "gplac", policy, network.state_dict(), scales.tensors(), spec, card)
    TrainingState(out, "").clear()


def find_targets(config: GplacTrainingConfig, dataset: Dataset) -> tuple[Samples, GplacConfig]:
    """What is cloned: every step's target, or where pushes begin, whose form is then measured."""
    if config.target == "action":
        return find_samples(dataset), config.policy()
    samples, push = find_pushes(dataset)
    return samples, replace(config.policy(), push=config.push or push)


def begun_network(config: GplacTrainingConfig, policy: GplacConfig) -> GplacNetwork:
    """The network with its first weights."""
    torch.manual_seed(config.seed)
    size = (config.camera.height, config.camera.width)
    network = GplacNetwork(policy, size, config.classifies)
    if config.first_layer:
        load_first_layer(network.encoder.backbone.first, config.first_layer)
    return network


def feature_scales(config: GplacTrainingConfig, network: GplacNetwork, samples: Samples) -> Scales:
    """The normaliser; features that are no coordinates enter the head as they are."""
    noise = (config.noise_position_m, config.noise_rotation_rad)
    scales = scales_of(samples, network.shape, *noise)
    if config.points:
        return scales
    return replace(scales, spread=torch.ones(network.shape))
