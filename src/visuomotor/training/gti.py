"""Trains GTI's first stage: planner and controller together, on demonstrations.

Mandlekar et al. 2020, *Learning to Generalize Across Long-Horizon Tasks from Human Demonstrations*,
stage 1: reconstruction + beta KL of the planner, and the controller's imitation of the actions that
lead to the future observation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from visuomotor.checkpoint import save_checkpoint
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.networks import Gaussian, Mixture, normalise_color
from visuomotor.observations import ObservationSpec
from visuomotor.policies.cameras import normalised, robot_state
from visuomotor.policies.gti.network import GtiNetwork
from visuomotor.policies.gti.planner import Subgoal, divergence, nearest_sample
from visuomotor.policies.heads import Scales
from visuomotor.training.cloning import imitation_loss
from visuomotor.training.device import CPU, moved
from visuomotor.training.gti_config import GtiTrainingConfig
from visuomotor.training.loop import optimise
from visuomotor.training.progress import Report
from visuomotor.training.samples import find_samples
from visuomotor.training.sequences import (
    Encoded,
    Sequences,
    SequenceSource,
    encode,
    sequence_scales,
)
from visuomotor.training.state import TrainingState, inputs_key

__all__ = ["GtiTrainingConfig", "Objective", "fit_gti", "train_gti"]

METRICS = ("loss", "robot", "image", "kl", "posterior", "nearest", "prior", "modes")
"""Reconstruction of the future robot state and images; the divergence in nats; the actions' loss on
latents of the posterior, of the prior's nearest sample, and of any sample of the prior; and how
many modes the batch's mean weights use (their perplexity)."""
LOOK_EVERY = 10
"""Steps from one look at any sample of the prior to the next; nothing is learned from it."""


def train_gti(
    config: GtiTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Trains encoder, planner and controller together and writes a checkpoint to `out`."""
    spec = ObservationSpec(config.cameras)
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    fit_gti(config, dataset, out, report, should_stop, device)


def fit_gti(
    config: GtiTrainingConfig,
    dataset: Dataset,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """The same on a dataset that is open."""
    out.mkdir(parents=True, exist_ok=True)
    source = SequenceSource(dataset, config.horizon + 1)
    scales = sequence_scales(find_samples(dataset), config, config.seed)
    torch.manual_seed(config.seed)
    network = GtiNetwork(config.policy(), len(config.cameras))
    objective = Objective(network, source, scales, config)
    optimise(
        "train_policy",
        network.to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        objective.step,
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
        begin=objective.begin,
    )
    card = (
        f"# GTI, stage 1: {config.modes} modes\n"
        f"Trained for {config.steps} steps of {config.batch} windows of {config.horizon} steps on "
        f"{dataset.steps} steps of {len(dataset)} episodes, seed {config.seed}.\n"
    )
    tensors = network.state_dict()
    save_checkpoint(out, "gti", network.config, tensors, scales.tensors(), dataset.spec, card)
    TrainingState(out, "").clear()


class Objective:
    """The loss of one step, and what is reported of it."""

    def __init__(
        self, network: GtiNetwork, source: SequenceSource, scales: Scales, config: GtiTrainingConfig
    ) -> None:
        self._network, self._source, self._scales = network, source, scales
        self._config = config
        self._look = False

    def begin(self, n: int) -> None:
        """Told the number of each step before it."""
        self._look = n % LOOK_EVERY == 0

    def step(
        self, rng: np.random.Generator, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Draws a batch; the loss and the METRICS."""
        config, planner = self._config, self._network.planner
        batch = self._source.draw(config.batch, rng)
        seen = encode(self._network.encoder, batch, self._scales, config, rng, generator)
        now, future = seen.features[:, 0], seen.features[:, -1]
        posterior, prior = planner.posterior(now, future), planner.prior(now)
        z = posterior.sample(generator)
        robot, image = reconstruction(planner.decode(z, now), batch, self._scales)
        kl = divergence(posterior, prior, z).mean()
        action, values = self._imitate(seen, posterior, prior, z, generator)
        loss = robot + config.image_weight * image + config.beta * kl + action
        values |= {"loss": loss, "robot": robot, "image": image, "kl": kl, "modes": modes_of(prior)}
        if self._look:
            values["prior"] = self._any_sample(seen, prior, generator)
        return loss, values

    def _imitate(
        self,
        seen: Encoded,
        posterior: Gaussian,
        prior: Mixture,
        z: Tensor,
        generator: torch.Generator,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The controller's loss on the latents that it is given, and by their sort."""
        drawn = torch.rand(len(z), generator=generator)
        near = moved(drawn < self._config.near_share, z.device)
        nearest, _ = nearest_sample(prior, posterior.mean, self._config.near_samples, generator)
        given = torch.where(near[:, None], nearest, z)
        outputs, _ = self._network.controller(seen.features[:, :-1], given)
        values = {}
        with torch.no_grad():
            for name, chosen in (("posterior", ~near), ("nearest", near)):
                if bool(seen.counts[:, :-1][chosen].any()):
                    values[name] = self._loss(outputs, seen, chosen)
        return self._loss(outputs, seen, torch.ones_like(near)), values

    @torch.no_grad()
    def _any_sample(self, seen: Encoded, prior: Mixture, generator: torch.Generator) -> Tensor:
        _, samples = prior.sample(generator)
        outputs, _ = self._network.controller(seen.features[:, :-1], samples[:, 0])
        return self._loss(outputs, seen, torch.ones_like(outputs[:, 0, 0], dtype=torch.bool))

    def _loss(self, outputs: Tensor, seen: Encoded, chosen: Tensor) -> Tensor:
        counts = seen.counts[:, :-1] & chosen[:, None]
        delta, share = seen.delta[:, :-1], seen.open_share[:, :-1]
        return imitation_loss(outputs, delta, share, counts, self._config.width_weight)[0]


def reconstruction(subgoal: Subgoal, batch: Sequences, scales: Scales) -> tuple[Tensor, Tensor]:
    """Mean squared errors of the sequences' last robot state and images, as they are."""
    device = subgoal.robot.device
    state = normalised(robot_state(batch.T_base_ee[:, -1], batch.width_m[:, -1]), scales)
    side = subgoal.images.shape[-1]
    wanted = torch.stack(
        [
            F.interpolate(
                normalise_color(moved(torch.from_numpy(c[:, -1]), device)), size=side, mode="area"
            )
            for c in batch.color
        ],
        dim=1,
    )
    return F.mse_loss(subgoal.robot, moved(state, device)), F.mse_loss(subgoal.images, wanted)


def modes_of(prior: Mixture) -> Tensor:
    """The perplexity (1 to M) of the mean weights of a batch of mixtures (B, M)."""
    with torch.no_grad():
        mean = prior.log_weights.exp().mean(0)
        return torch.exp(-(mean * mean.clamp_min(1e-12).log()).sum())
