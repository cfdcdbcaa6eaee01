"""Trains dense descriptors from recorded multi-view RGBD: no labels, only calibrated cameras.

Florence, Manuelli and Tedrake 2019, section IV-D, with the distributional loss of the authors'
later code done properly (docs/methods/dense.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import save_checkpoint
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.augmentation import AugmentationConfig, augment, unchanged
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.descriptors.evaluation import correspondence_errors
from visuomotor.descriptors.keypoints import select_pixels
from visuomotor.descriptors.losses import CorrespondenceLoss, LossConfig, correspondence_loss
from visuomotor.descriptors.masks import above_table, points_in_base, without_robot
from visuomotor.descriptors.matching import (
    Matches,
    MatchTolerances,
    Views,
    draw_pixels,
    find_matches,
)
from visuomotor.descriptors.model import FAMILY, DescriptorModel
from visuomotor.descriptors.network import DescriptorNetwork
from visuomotor.errors import DataError
from visuomotor.networks import normalise_color, pixels_to_cells, sample_map
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.training.batches import Steps, camera_views, valid_steps
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Report
from visuomotor.training.state import TrainingState, inputs_key


@dataclass(frozen=True)
class DescriptorTrainingConfig:
    """One training run of descriptors.

    task, episodes: only this task, only the first so many (None: all). cameras: at least two that
    see the same things. pairs: image pairs per step, matches: pixels
    drawn per pair, most of them on objects (object_share), some on the rest of the foreground
    (robot included) and on the table. held_out: share of episodes kept for evaluation.
    """

    task: str | None = None
    episodes: int | None = None
    cameras: tuple[CameraSpec, ...] = (CameraSpec("front"), CameraSpec("side"))
    model: DescriptorConfig = DescriptorConfig()
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    tolerances: MatchTolerances = MatchTolerances()
    steps: int = 900
    pairs: int = 8
    matches: int = 384
    object_share: float = 0.6
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    held_out: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.cameras) < 2:
            raise ValueError(
                f"descriptor training: got {len(self.cameras)} camera, expected at least 2 that "
                "see the same objects from different places"
            )
        if min(self.steps, self.pairs, self.matches) < 1 or not 0 < self.object_share < 1:
            raise ValueError(
                f"descriptor training: got steps {self.steps}, pairs {self.pairs}, matches "
                f"{self.matches}, object_share {self.object_share}; expected positive numbers and "
                "0 < object_share < 1"
            )


def train_descriptors(
    config: DescriptorTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
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
    torch.manual_seed(config.seed)
    network = DescriptorNetwork(config.model)
    names = [e.name for e in dataset.episodes]
    key = inputs_key({"config": asdict(config), "episodes": names})
    steps = valid_steps(train)

    def step(
        rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        chosen = steps[rng.integers(len(steps), size=config.pairs)]
        i, j = rng.choice(len(spec.names), 2, replace=False)
        a = camera_views(train, spec.names[i], chosen)
        b = camera_views(train, spec.names[j], chosen)
        loss = _pair_loss(network, a, b, _ee_positions(train, chosen), config, generator)
        return loss.total, {
            "loss": loss.total,
            "distribution": loss.distribution,
            "expectation": loss.expectation,
        }

    optimise(
        "train_descriptors",
        network,
        step,
        steps=config.steps,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        seed=config.seed,
        out=out,
        key=key,
        metrics=("loss", "distribution", "expectation"),
        report=report,
        should_stop=should_stop,
    )
    reference = _reference(network, train, config)
    model = DescriptorModel(config.model, network, reference, spec)
    errors = _evaluate(model, test, config)
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
    save_checkpoint(out, FAMILY, config.model, model.tensors(), {}, spec, card)
    TrainingState(out, key).clear()
    return model


def _pair_loss(
    network: DescriptorNetwork,
    a: Views,
    b: Views,
    ee_position: Tensor,
    config: DescriptorTrainingConfig,
    generator: torch.Generator,
) -> CorrespondenceLoss:
    foreground_a, objects_a = _masks(a, ee_position, config)
    foreground_b, _ = _masks(b, ee_position, config)
    pixels = draw_pixels(_weights(foreground_a, objects_a, config), config.matches, generator)
    matches = find_matches(a, b, pixels, config.tolerances)
    with torch.no_grad():
        seen_a = augment(normalise_color(a.color), foreground_a, config.augmentation, generator)
        seen_b = augment(normalise_color(b.color), foreground_b, config.augmentation, generator)
    pixels_a, inside_a = seen_a.move(matches.pixels_a)
    pixels_b, inside_b = seen_b.move(matches.pixels_b)
    moved = Matches(pixels_a, pixels_b, matches.valid & inside_a & inside_b, matches.points)
    maps = network(torch.cat([seen_a.images, seen_b.images]))
    n = len(seen_a.images)
    return correspondence_loss(maps[:n], maps[n:], moved, network.grid, config.loss)


def _masks(
    views: Views, ee_position: Tensor, config: DescriptorTrainingConfig
) -> tuple[Tensor, Tensor]:
    points, valid = points_in_base(views.depth_m, views.K, views.T_base_camera)
    foreground = above_table(points, valid, config.model.workspace)
    return foreground, without_robot(foreground, points, ee_position, margin_m=0.0)


def _weights(foreground: Tensor, objects: Tensor, config: DescriptorTrainingConfig) -> Tensor:
    """Drawing weights (B, H, W): object_share on objects, the rest shared by robot and table."""
    share = config.object_share
    b = len(foreground)

    def each(mask: Tensor, total: float) -> Tensor:
        count = mask.flatten(1).sum(1).clamp_min(1).float()
        return mask.float() * (total / count)[:, None, None]

    rest = (1 - share) / 2
    weights = each(objects, share) + each(foreground & ~objects, rest) + each(~foreground, rest)
    return weights.reshape(b, *foreground.shape[1:])


def _ee_positions(dataset: Dataset, steps: Steps) -> Tensor:
    poses = np.stack([dataset.episodes[e].T_base_ee[t] for e, t in steps])
    return torch.from_numpy(poses[:, :3, 3].astype(np.float32))


@torch.inference_mode()
def _reference(
    network: DescriptorNetwork, dataset: Dataset, config: DescriptorTrainingConfig
) -> Tensor:
    """K descriptors (K, D) spread over the objects of the view that shows the most of them.

    Looked for in the first sets of the episodes, where the hand is still away.
    """
    first = np.array([[e, 0] for e in range(len(dataset))], np.int64)
    best: tuple[int, str, int] | None = None
    for camera in dataset.spec.names:
        views = camera_views(dataset, camera, first)
        _, objects = _masks(views, _ee_positions(dataset, first), config)
        counts = objects.flatten(1).sum(1)
        index = int(counts.argmax())
        if best is None or int(counts[index]) > best[0]:
            best = (int(counts[index]), camera, index)
    if best is None or best[0] == 0:
        raise DataError(
            "no object stands above the table in the first set of any episode; check the "
            "workspace box, the depth and the extrinsics"
        )
    _, camera, index = best
    views = camera_views(dataset, camera, first[index : index + 1])
    points, _ = points_in_base(views.depth_m, views.K, views.T_base_camera)
    _, objects = _masks(views, _ee_positions(dataset, first[index : index + 1]), config)
    pixels = select_pixels(points[0], objects[0], config.model.keypoints)
    cells = pixels_to_cells(pixels.float(), network.grid)[None]
    return sample_map(network.describe(views.color), cells)[0].clone()


@torch.inference_mode()
def _evaluate(
    model: DescriptorModel, dataset: Dataset, config: DescriptorTrainingConfig
) -> dict[str, float]:
    """Cross-view errors on objects of held-out episodes, without augmentation."""
    generator = torch.Generator().manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    steps = valid_steps(dataset)
    chosen = steps[rng.choice(len(steps), min(64, len(steps)), replace=False)]
    ee = _ee_positions(dataset, chosen)
    a = camera_views(dataset, model.spec.names[0], chosen)
    b = camera_views(dataset, model.spec.names[1], chosen)
    _, objects = _masks(a, ee, config)
    matches = find_matches(a, b, draw_pixels(objects.float(), 64, generator), config.tolerances)
    maps_a = model.network(unchanged(normalise_color(a.color)).images)
    maps_b = model.network(unchanged(normalise_color(b.color)).images)
    return correspondence_errors(maps_a, maps_b, matches, b, model.network.grid)
