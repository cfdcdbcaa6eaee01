"""The joint objective: the task on images of the demonstrations, and what weak images teach.

Singh et al. 2017, section 4: L = L_task + lambda L_CE. All images of a step go through the shared
layers at once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from visuomotor.networks import mlp
from visuomotor.policies.gplac.encoder import Seen
from visuomotor.policies.gplac.network import GplacNetwork
from visuomotor.policies.heads import Scales
from visuomotor.training import cloning
from visuomotor.training.auxiliary import METRICS as WEAK_METRICS
from visuomotor.training.auxiliary import WeakTask, told_right
from visuomotor.training.device import device_of
from visuomotor.training.gplac_config import GplacTrainingConfig
from visuomotor.training.gradient_reversal import ramp, reversed_gradient
from visuomotor.training.image_augmentation import augment_images
from visuomotor.training.images import Images, stacked
from visuomotor.training.samples import Samples

LOOK_EVERY = 10
"""Steps from one look at unseen weak images to the next."""
Losses = tuple[Tensor, dict[str, Tensor]]


class Objective:
    """Loss and metrics of a step.

    images: of the samples. weak: the weak images, if there are any; unseen: others, from which
    nothing is learned, and a batch of which is looked at every LOOK_EVERY steps.
    """

    def __init__(
        self,
        config: GplacTrainingConfig,
        network: GplacNetwork,
        images: Images,
        samples: Samples,
        scales: Scales,
        weak: WeakTask | None,
        unseen: WeakTask | None = None,
    ) -> None:
        self.network = network
        self._config, self._images, self._samples = config, images, samples
        self._scales, self._weak, self._unseen = scales, weak, unseen
        self._others, self._look_now = np.random.default_rng(config.seed), False
        self._strength = 0.0
        self.model = nn.ModuleDict({"network": network})
        features = network.shape[0]
        self.metrics: tuple[str, ...] = cloning.METRICS
        if config.classifies:
            self.metrics += WEAK_METRICS if unseen is None else (*WEAK_METRICS, "weak_unseen")
        if config.adapts:
            self.model["domain"] = mlp(features, config.classifier, 1)
            self.metrics += ("domain", "domain_accuracy")
        if config.draws:
            h, w = config.camera.height // config.shrink, config.camera.width // config.shrink
            self.model["decoder"] = nn.Sequential(
                nn.Linear(features, h * w), nn.Unflatten(1, (h, w))
            )
            self.metrics += ("drawn",)

    def begin(self, step: int) -> None:
        """Told the number of each step before it."""
        if self._weak is None:
            return
        self._weak.begin(step)
        self._look_now = self._unseen is not None and step % LOOK_EVERY == 0
        steps = self._config.steps
        before = self._config.warm_up(steps)
        progress = (step - before) / max(1, steps - before)
        self._strength = self._config.reversal * ramp(max(0.0, progress))

    def step(self, rng: np.random.Generator, generator: torch.Generator) -> Losses:
        """The loss of a batch that is drawn with the step's generators."""
        config, n, device = self._config, self._config.batch, device_of(self.network)
        rows = rng.integers(len(self._samples), size=n)
        images = stacked(self._images, rows, device)
        images = augment_images(images, config.augmentation, generator)
        positive = None
        if self._weak is not None and self._weak.active:
            weak, positive = self._weak.draw(rng, device)
            images = torch.cat([images, weak])
        seen = self._look(images)
        features = self.network.encoder.features(seen)
        told = features[:n]
        if config.task_share != 1:
            still = told.detach()
            told = still + config.task_share * (told - still)
        loss, values = cloning.cloning_loss(
            self.network.head,
            told,
            self._samples,
            rows,
            np.ones(n, bool),
            self._scales,
            config.cloning,
            rng,
        )
        if positive is None or self._weak is None:
            return loss, values
        if config.classifies:
            assert self.network.classifier is not None
            logits = self.network.classifier(features, seen)[n:]
            loss, values = self._weak.joined(loss, values, logits, positive)
            if self._look_now:
                values["weak_unseen"] = self._told_right(device)
        if config.adapts:
            loss, values = self._adapted(loss, values, features)
        if config.draws:
            loss, values = self._drawn(loss, values, images, features)
        return loss, values

    @torch.no_grad()
    def _told_right(self, device: torch.device) -> Tensor:
        """The share of a batch of unseen weak images that are classified right, as when acting."""
        assert self._unseen is not None
        images, positive = self._unseen.draw(self._others, device)
        self.network.eval()
        logits = self.network.classify(images)
        self.network.train()
        return told_right(logits, positive)

    def _look(self, images: Tensor) -> Seen:
        """What is seen in one pass or, where that is asked for, in one for either sort."""
        n, config = self._config.batch, self._config
        untaught = config.task_share == 0 and not config.adapts
        untaught = untaught and config.norm != "batch"  # which asks for one batch
        if untaught:
            with torch.no_grad():
                first = self.network.encoder.seen(images[:n])
            seen = [first, self.network.encoder.seen(images[n:])]
        else:
            parts = [images] if config.passes == "joint" else [images[:n], images[n:]]
            seen = [self.network.encoder.seen(part) for part in parts if len(part)]  # 0: warm-up
        peaks = [each.peaks for each in seen if each.peaks is not None]
        return Seen(torch.cat([each.places for each in seen]), torch.cat(peaks) if peaks else None)

    def _adapted(self, loss: Tensor, values: dict[str, Tensor], features: Tensor) -> Losses:
        number = torch.arange(len(features), device=features.device)
        is_weak = (number >= self._config.batch).float()
        logits = self.model["domain"](reversed_gradient(features, self._strength))[:, 0]
        sorts = F.binary_cross_entropy_with_logits(logits, is_weak)
        total = loss + sorts
        accuracy = ((logits > 0) == (is_weak > 0.5)).float().mean()
        return total, {**values, "loss": total, "domain": sorts, "domain_accuracy": accuracy}

    def _drawn(
        self, loss: Tensor, values: dict[str, Tensor], images: Tensor, features: Tensor
    ) -> Losses:
        drawn = self.model["decoder"](features)
        grey = F.interpolate(images.mean(1, keepdim=True), size=drawn.shape[1:], mode="area")[:, 0]
        error = (drawn - grey).square().mean()
        total = loss + self._config.weak_weight * error
        return total, {**values, "loss": total, "drawn": error}
