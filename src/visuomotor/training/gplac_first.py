"""What an encoder may learn before the task: to classify weak images, or where objects are.

Singh et al. 2017, section 6.1: ATT-FT, and ATT-PO after Levine et al. 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from visuomotor.checkpoint import load_tensors, save_tensors
from visuomotor.dataset import WeakImages, open_dataset
from visuomotor.networks import mlp
from visuomotor.observations import ObservationSpec
from visuomotor.policies.gplac.encoder import Encoder, Seen
from visuomotor.policies.gplac.network import Classifier
from visuomotor.training.auxiliary import WeakTask, entropy_of
from visuomotor.training.batches import valid_steps
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.gplac_config import GplacTrainingConfig
from visuomotor.training.image_augmentation import (
    UNCHANGED,
    ImageAugmentation,
    augment_images,
)
from visuomotor.training.images import camera_images, stacked
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Report
from visuomotor.training.state import TrainingState, inputs_key


class _Places(nn.Module):
    """A head on the features alone."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: Tensor, seen: Seen) -> Tensor:
        places: Tensor = self.net(features)
        return places


Draw = Callable[[np.random.Generator], tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class First:
    """What is learned before the task of a training; the fields are those of `train_gplac`."""

    config: GplacTrainingConfig
    out: Path
    report: Report
    should_stop: Callable[[], bool]
    device: torch.device = CPU


def classify_first(first: First, encoder: Encoder, weak: WeakImages) -> None:
    """The encoder learns to tell the weak images' labels."""
    config = first.config
    task = WeakTask(config, weak, config.steps)
    key = {"weak": weak.key, "config": asdict(config)}

    def make_head() -> Classifier:
        return Classifier(config, encoder.size)

    _learn(first, "train_classifier", encoder, make_head, task.draw, entropy_of, key)


def locate_first(first: First, encoder: Encoder, dataset_root: Path) -> None:
    """The encoder learns the true places of objects in base, each along its own spread."""
    config = first.config
    names = config.pose_objects
    spec = ObservationSpec((replace(config.camera, depth=False),), names)
    dataset = open_dataset(Path(config.pose_dataset or dataset_root), spec, task=config.task)
    steps = valid_steps(dataset)
    images = camera_images(dataset, config.camera.name, steps)
    places = np.stack(
        [
            np.concatenate([dataset.episodes[e].T_base_object[n][t, :3, 3] for n in names])
            for e, t in steps
        ]
    )
    spread = np.maximum(places.std(0), 1e-3)
    wanted = torch.from_numpy(((places - places.mean(0)) / spread).astype(np.float32))

    def draw(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        rows = rng.integers(len(steps), size=config.batch)
        return stacked(images, rows), wanted[torch.from_numpy(rows)]

    def loss(outputs: Tensor, target: Tensor) -> Tensor:
        return (outputs - target).square().mean()

    key = {"episodes": [e.name for e in dataset.episodes], "config": asdict(config)}

    def make_head() -> _Places:
        inputs = config.features(encoder.size)
        return _Places(mlp(inputs, config.classifier, 3 * len(names)))

    _learn(first, "train_places", encoder, make_head, draw, loss, key, config.augmentation)


def _learn(
    first: First,
    stage: str,
    encoder: Encoder,
    make_head: Callable[[], nn.Module],
    draw: Draw,
    loss_of: Loss,
    key: Mapping[str, object],
    augmentation: ImageAugmentation = UNCHANGED,
) -> None:
    """Trains the encoder with a head of its own; kept in `out/first`, so that it is done once.

    make_head: the head, of the features and of what is seen. augmentation: of what is drawn.
    """
    config = first.config
    folder = first.out / "first"
    folder.mkdir(exist_ok=True)
    path = folder / f"{stage}-{inputs_key(key)[:16]}.safetensors"
    if not path.exists():
        torch.manual_seed(config.seed)
        head = make_head()

        def step(
            rng: np.random.Generator, generator: torch.Generator
        ) -> tuple[Tensor, dict[str, Tensor]]:
            images, target = moved(draw(rng), device_of(encoder))
            images = augment_images(images, augmentation, generator)
            seen = encoder.seen(images)
            loss = loss_of(head(encoder.features(seen), seen), target)
            return loss, {"loss": loss}

        optimise(
            stage,
            nn.ModuleDict({"encoder": encoder, "head": head}),
            step,
            config if config.first_steps is None else replace(config, steps=config.first_steps),
            seed=config.seed,
            out=folder,
            key=inputs_key(key),
            metrics=("loss",),
            report=first.report,
            should_stop=first.should_stop,
            device=first.device,
        )
        save_tensors(encoder.state_dict(), path)
        TrainingState(folder, "").clear()
    encoder.load_state_dict(load_tensors(path))
