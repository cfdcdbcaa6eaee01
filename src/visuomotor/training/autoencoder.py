"""Trains an encoder by reconstruction: the deep spatial autoencoder of Finn et al. 2016.

Its features are points in the image, from which one linear layer draws a small grey image. With
`masked` only the pixels of objects count (Florence et al. 2020, "autoencoder with mask").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.checkpoint import save_checkpoint
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.config import Workspace
from visuomotor.descriptors.masks import above_table, of_robot, points_in_base
from visuomotor.networks import normalise_color
from visuomotor.networks.precision import autocast
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.bc.policy import make_encoder
from visuomotor.training.batches import Steps, camera_views, hands, valid_steps
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Report
from visuomotor.training.state import TrainingState, inputs_key

FAMILY = "autoencoder"
MARGIN_PX = 1
"""An object's mask grows by this much in the small image, so that its outline counts."""


@dataclass(frozen=True)
class AutoencoderTrainingConfig:
    """One training run of an autoencoder.

    masked: the loss counts the pixels of objects alone, which needs depth. shrink: the image drawn
    is that much smaller. task, episodes: only this task, only the first so many (None: all).
    """

    camera: CameraSpec = CameraSpec("front", depth=False)
    encoder: EncoderConfig = EncoderConfig()
    masked: bool = False
    workspace: Workspace = Workspace()
    shrink: int = 2
    task: str | None = None
    episodes: int | None = None
    steps: int = 15000
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.shrink) < 1 or self.learning_rate <= 0:
            raise ValueError(
                f"autoencoder: got steps {self.steps}, batch {self.batch}, shrink {self.shrink}, "
                f"learning_rate {self.learning_rate}; expected positive numbers"
            )


class Autoencoder(nn.Module):
    """Encoder and decoder; forward (B, 3, H, W) in [-1, 1] -> grey (B, h, w) in [-1, 1]."""

    def __init__(self, config: AutoencoderTrainingConfig) -> None:
        super().__init__()
        self.encoder = make_encoder(config.encoder)
        self.size = (config.camera.height // config.shrink, config.camera.width // config.shrink)
        self.decoder = nn.Linear(2 * config.encoder.points, self.size[0] * self.size[1])

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        with autocast("auto", images.device):
            features = self.encoder(images)
        drawn: Tensor = self.decoder(features.float())
        return drawn.reshape(-1, *self.size)


def train_autoencoder(
    config: AutoencoderTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Trains on one camera's images and writes a checkpoint of the encoder to `out`."""
    spec = ObservationSpec((replace(config.camera, depth=config.masked),))
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model = Autoencoder(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = valid_steps(dataset)

    def step(rng: np.random.Generator, _: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        chosen = steps[rng.integers(len(steps), size=config.batch)]
        loss = reconstruction_loss(model, *draw_batch(dataset, chosen, config, device_of(model)))
        return loss, {"loss": loss}

    optimise(
        "train_autoencoder",
        model,
        step,
        config,
        seed=config.seed,
        out=out,
        key=inputs_key({"config": asdict(config), "episodes": [e.name for e in dataset.episodes]}),
        metrics=("loss",),
        report=report,
        should_stop=should_stop,
        device=device,
    )
    tensors = {f"encoder.{k}": t for k, t in model.encoder.state_dict().items()}
    card = (
        "# Spatial autoencoder\n"
        f"Trained for {config.steps} steps of {config.batch} on {len(dataset)} episodes, "
        f"{'objects' if config.masked else 'whole images'}, seed {config.seed}.\n"
    )
    save_checkpoint(out, FAMILY, config.encoder, tensors, {}, spec, card)
    TrainingState(out, "").clear()


def reconstruction_loss(model: Autoencoder, images: Tensor, weights: Tensor) -> Tensor:
    """The mean squared error of the grey images drawn, weighted (B, h, w) by pixel."""
    grey = F.interpolate(images.mean(1, keepdim=True), size=model.size, mode="area")[:, 0]
    error: Tensor = (model(images) - grey).square() * weights
    return error.sum() / weights.sum().clamp_min(1)


def draw_batch(
    dataset: Dataset,
    chosen: Steps,
    config: AutoencoderTrainingConfig,
    device: torch.device = CPU,
) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) in [-1, 1] and the weights (B, h, w) of the pixels drawn."""
    name = config.camera.name
    size = (config.camera.height // config.shrink, config.camera.width // config.shrink)
    if not config.masked:
        color = np.stack([dataset.episodes[e].color[name][t] for e, t in chosen])
        images = moved(torch.from_numpy(color), device)
        return _images(images), torch.ones(len(chosen), *size, device=device)
    views = moved(camera_views(dataset, name, chosen), device)
    points, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
    foreground = above_table(points, valid, config.workspace)
    objects = foreground & ~of_robot(points, *moved(hands(dataset, chosen), device))
    small = F.adaptive_max_pool2d(objects.float()[:, None], size)
    grown = F.max_pool2d(small, 2 * MARGIN_PX + 1, stride=1, padding=MARGIN_PX)
    return _images(views.color), grown[:, 0]


def _images(color: Tensor) -> Tensor:
    return normalise_color(color).contiguous(memory_format=torch.channels_last)
