"""Trains dense descriptors from recorded multi-view RGBD: no labels, only calibrated cameras.

Florence, Manuelli and Tedrake 2019, section IV-D, with the distributional loss of the authors'
later code done properly (docs/methods/dense.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor import ranks
from visuomotor.checkpoint import save_checkpoint
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.evaluation import correspondence_errors
from visuomotor.descriptors.losses import CorrespondenceLoss, correspondence_loss
from visuomotor.descriptors.matching import draw_pixels, find_matches
from visuomotor.descriptors.model import FAMILY, DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.networks import load_pretrained
from visuomotor.networks.precision import autocast
from visuomotor.observations import ObservationSpec
from visuomotor.training.batches import valid_steps
from visuomotor.training.correspondences import PairBatch, pair_batch
from visuomotor.training.descriptor_config import DescriptorTrainingConfig
from visuomotor.training.device import CPU, device_of
from visuomotor.training.loop import optimise
from visuomotor.training.origin import save_origin
from visuomotor.training.progress import Report
from visuomotor.training.reference import reference_descriptors
from visuomotor.training.scenes import Scenes, empty_depths, empty_episode
from visuomotor.training.state import TrainingState, inputs_key

__all__ = ["DescriptorTrainingConfig", "train_descriptors"]
METRICS = ("loss", "distribution", "expectation", "expectation_3d", "no_match", "contrastive")


def train_descriptors(
    config: DescriptorTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> DescriptorModel:
    """Trains, evaluates on held-out episodes and writes a checkpoint to `out`.

    A run that was interrupted goes on where it was. Raises DataError for a dataset that cannot
    be trained from.
    """
    spec = ObservationSpec(config.cameras)
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    train, test = (
        dataset.split(config.held_out, config.seed) if len(dataset) > 1 else (dataset,) * 2
    )
    out.mkdir(parents=True, exist_ok=True)
    scenes = _scenes(train, config)
    torch.manual_seed(config.seed)
    network = DescriptorNetwork(config.model)
    if config.weights is not None:
        load_pretrained(network.backbone, config.weights)
    key = inputs_key({"config": asdict(config), "episodes": [e.name for e in dataset.episodes]})
    if config.model.learned != "nothing":
        _learn(network, scenes, config, out, key, report, should_stop, device)
    network.eval()
    reference = reference_descriptors(network, scenes, config.model, config.seed)
    model = DescriptorModel(config.model, network, reference, spec)
    errors = _evaluate(model, replace(scenes, dataset=test), config)
    card = "\n".join(
        [
            "# Dense descriptors",
            f"Trained for {config.steps} steps of {config.pairs} pairs on {len(train)} episodes of "
            f"{Path(dataset_root).name}, seed {config.seed}; held out: {len(test)} episodes.",
            "",
            *(f"- {k}: {v:.4g}" for k, v in errors.items()),
            "",
        ]
    )
    if ranks.first():
        save_origin(out, dataset_root, config)
    save_checkpoint(out, FAMILY, config.model, model.tensors(), {}, spec, card)
    TrainingState(out, key).clear()
    return model


def _learn(
    network: DescriptorNetwork,
    scenes: Scenes,
    config: DescriptorTrainingConfig,
    out: Path,
    key: str,
    report: Report,
    should_stop: Callable[[], bool],
    device: torch.device,
) -> None:
    steps = valid_steps(scenes.dataset)

    def step(
        rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        chosen = steps[rng.integers(len(steps), size=config.pairs)]
        i, j = rng.choice(len(scenes.cameras), 2, replace=False)
        where = device_of(network)
        a, b = (scenes.at(scenes.cameras[k], chosen, where) for k in (i, j))
        loss = batch_loss(network, pair_batch(a, b, config, generator), config)
        return loss.total, {"loss": loss.total, **{m: getattr(loss, m) for m in METRICS[1:]}}

    optimise(
        "train_descriptors",
        network,
        step,
        config,
        seed=config.seed,
        out=out,
        key=key,
        metrics=METRICS,
        report=report,
        should_stop=should_stop,
        device=device,
    )


def batch_loss(
    network: DescriptorNetwork, batch: PairBatch, config: DescriptorTrainingConfig
) -> CorrespondenceLoss:
    """The loss of one batch; only the network's passes are in reduced precision."""
    with autocast(config.precision, batch.images.device):
        maps = network(batch.images.contiguous(memory_format=torch.channels_last))
    a, b = maps.float().contiguous().chunk(2)
    scenes = None
    if config.loss.needs_scenes:
        scenes = batch.cell_scenes(maps.shape[-2:], network.grid)
    return correspondence_loss(a, b, batch.matches, network.grid, config.loss, scenes)


def _scenes(dataset: Dataset, config: DescriptorTrainingConfig) -> Scenes:
    empty = None
    if config.foreground == "background_subtraction":
        source = dataset if config.empty is None else empty_episode(Path(config.empty), dataset)
        empty = empty_depths(source, config.seed)
    return Scenes(dataset, config.model.workspace, empty)


@torch.inference_mode()
def _evaluate(
    model: DescriptorModel, scenes: Scenes, config: DescriptorTrainingConfig
) -> dict[str, float]:
    """Cross-view errors on objects of held-out episodes, without augmentation."""
    generator = torch.Generator().manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    steps = valid_steps(scenes.dataset)
    chosen = steps[rng.choice(len(steps), min(64, len(steps)), replace=False)]
    a, b = (scenes.at(name, chosen) for name in model.spec.names[:2])
    pixels = draw_pixels(a.objects.float(), 64, generator)
    matches = find_matches(a.views, b.views, pixels, config.tolerances)
    maps_a, maps_b = (model.network.describe(scene.views.color) for scene in (a, b))
    return correspondence_errors(maps_a, maps_b, matches, b.views, model.network.grid)
