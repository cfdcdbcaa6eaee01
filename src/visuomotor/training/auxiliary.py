"""The auxiliary task of any family: to tell which weakly labelled images show the object.

Singh et al. 2017, section 4: L = L_task + lambda L_CE, and L_task alone for the first tenth of the
steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.dataset import Dataset, WeakImages, read_weak_images
from visuomotor.networks import mlp, normalise_color
from visuomotor.networks.precision import autocast
from visuomotor.observations import CameraSpec
from visuomotor.policies.han.attention import Attention
from visuomotor.policies.han.sight import acting_corners
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.image_augmentation import WEAK, ImageAugmentation, augment_images
from visuomotor.training.progress import Progress, Report
from visuomotor.training.samples import Int64

METRICS = ("weak", "weak_accuracy")
"""The cross-entropy, and the share of the batches' images that are told right."""
UNITS = 128
"""Of the classifiers that other families are given."""


@dataclass(frozen=True)
class WeakSettings:
    """Weakly labelled images beside the demonstrations; the first part of a training's settings.

    weak: a folder with a sub-folder of images per label; "" is none. weak_labels: their names, that
    of the images with the object first (None: see `dataset.weak_files.find_labels`). weak_images:
    only so many in all (None: all). weak_batch: images a step, half of either label. weak_weight:
    of their cross-entropy beside the task's loss. warm_up_steps: without them (None: a tenth).
    weak_augmentation: how images that are classified are changed at random, each time anew; few
    rooms and few things are in them, which a network learns by heart.
    """

    weak: str = ""
    weak_labels: tuple[str, str] | None = None
    weak_images: int | None = None
    weak_batch: int = 16
    weak_weight: float = 1.0
    warm_up_steps: int | None = None
    weak_augmentation: ImageAugmentation = WEAK

    def check_weak(self, family: str) -> None:
        """Raises ValueError for what cannot be."""
        warm_up = 0 if self.warm_up_steps is None else self.warm_up_steps
        if self.weak_batch < 1 or self.weak_weight < 0 or warm_up < 0:
            raise ValueError(
                f"{family}: got weak_batch {self.weak_batch}, weak_weight {self.weak_weight}, "
                f"warm_up_steps {self.warm_up_steps}; expected a batch, and numbers >= 0"
            )

    def warm_up(self, steps: int) -> int:
        """How many of a training's steps do without weak images."""
        return steps // 10 if self.warm_up_steps is None else self.warm_up_steps


def open_weak(
    settings: WeakSettings,
    dataset: Dataset,
    camera: CameraSpec,
    report: Report = lambda _: None,
    folder: str = "",
) -> WeakImages:
    """The weak images as the camera's are seen: the same size and the same aspect of their pixels.

    folder: another than the settings', of which all images count. A camera whose image was squeezed
    into its size (`CameraSpec`) squeezes the weak images alike.
    """
    K = dataset.episodes[0].K[camera.name]
    aspect = camera.width / camera.height * float(K[1, 1] / K[0, 0])
    size = (camera.height, camera.width)
    found = read_weak_images(
        Path(folder or settings.weak),
        size,
        settings.weak_labels,
        aspect,
        progress=lambda done, total: report(Progress("read_weak_images", done, total)),
    )
    few = None if folder else settings.weak_images
    return found if few is None else found.thinned(few)


class WeakTask:
    """Batches of weak images, and their cross-entropy in the loss; from the warm-up's end on."""

    def __init__(
        self,
        settings: WeakSettings,
        images: WeakImages,
        steps: int,
        augmentation: ImageAugmentation | None = None,
    ) -> None:
        """steps: of the whole training. augmentation: another than the settings'."""
        self.images = images
        self._augmentation = augmentation or settings.weak_augmentation
        self._settings, self._warm_up = settings, settings.warm_up(steps)
        self._rows = (np.flatnonzero(~images.positive), np.flatnonzero(images.positive))
        self.active = False

    def begin(self, step: int) -> None:
        """Told the number of each step before it."""
        self.active = step >= self._warm_up

    def draw(self, rng: np.random.Generator, device: torch.device = CPU) -> tuple[Tensor, Tensor]:
        """Images (n, 3, H, W) in [-1, 1] and which show the object (n,), 0 or 1, half and half."""
        n = self._settings.weak_batch
        shown = (np.arange(n) + rng.integers(2)) % 2
        rows: Int64 = np.array([rng.choice(self._rows[i]) for i in shown], np.int64)
        color = np.stack([self.images.images[i] for i in rows])
        batch = (torch.from_numpy(color), torch.from_numpy(shown.astype(np.float32)))
        images, positive = moved(batch, device)
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        images = augment_images(normalise_color(images), self._augmentation, generator)
        return images.contiguous(memory_format=torch.channels_last), positive

    def joined(
        self, loss: Tensor, values: Mapping[str, Tensor], logits: Tensor, positive: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss with the cross-entropy of logits (n, N), and its metrics with METRICS."""
        entropy = entropy_of(logits, positive)
        total = loss + self._settings.weak_weight * entropy
        accuracy = told_right(logits, positive)
        return total, {**values, "loss": total, "weak": entropy, "weak_accuracy": accuracy}


def entropy_of(logits: Tensor, positive: Tensor) -> Tensor:
    """The cross-entropy of logits (n, N), each of which tells which images (n,) are positive."""
    return F.binary_cross_entropy_with_logits(logits, positive[:, None].expand_as(logits))


def told_right(logits: Tensor, positive: Tensor) -> Tensor:
    """The share of images (n,) of whose logits (n, N) the mean is right."""
    return ((logits.mean(1) > 0) == (positive > 0.5)).float().mean()


class Auxiliary:
    """The task with a classifier of its own, for a family whose images go through apart from it.

    classifier: what is learned beside it. logits: of images (n, 3, H, W) in [-1, 1], (n, 1).
    """

    def __init__(
        self, task: WeakTask, classifier: nn.Module, logits: Callable[[Tensor], Tensor]
    ) -> None:
        self.module, self.begin = classifier, task.begin
        self._task, self._logits = task, logits

    def add(
        self, loss: Tensor, values: dict[str, Tensor], rng: np.random.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and metrics with those of a batch of weak images; in the warm-up as they are."""
        if not self._task.active:
            return loss, values
        images, positive = self._task.draw(rng, device_of(self.module))
        return self._task.joined(loss, values, self._logits(images), positive)


def feature_classifier(task: WeakTask, encoder: nn.Module, features: int) -> Auxiliary:
    """On the features (B, F) of an encoder that it shares with a policy."""
    net = mlp(features, (UNITS,), 1)

    def logits(images: Tensor) -> Tensor:
        with autocast("auto", images.device):
            seen: Tensor = encoder(images)
        found: Tensor = net(seen.float())
        return found

    return Auxiliary(task, net, logits)


def region_classifier(task: WeakTask, attention: Attention) -> Auxiliary:
    """On the regions of a hand-eye action network, whose attention it shares.

    An image shows the object if one of its regions does: the soft maximum over all of them.
    """
    net = mlp(attention.feature_channels, (UNITS,), 1)

    def logits(images: Tensor) -> Tensor:
        corners = acting_corners(attention.config, images.shape[-2:]).to(images.device)
        described = attention.described(images, corners.expand(len(images), -1, -1))
        each: Tensor = net(described)[..., 0]  # (B, N)
        return each.logsumexp(-1, keepdim=True) - math.log(each.shape[-1])

    return Auxiliary(task, net, logits)
