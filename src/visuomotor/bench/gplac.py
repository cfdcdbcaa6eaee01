"""What a GPLAC policy costs: training with both sorts of images in one pass or in two, and acting.

The ways alternate within one run, so that whatever else the machine does strikes all.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from visuomotor.bench.acting import acting
from visuomotor.bench.alternation import step_seconds
from visuomotor.bench.results import save_result
from visuomotor.dataset import Dataset, WeakImages, open_dataset, read_weak_images
from visuomotor.observations import ObservationSpec, observe
from visuomotor.policies.gplac import GplacPolicy
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.training.auxiliary import WeakTask
from visuomotor.training.gplac import GplacTrainingConfig, begun_network, feature_scales
from visuomotor.training.gplac_objective import Objective
from visuomotor.training.images import camera_images
from visuomotor.training.samples import find_samples

EPISODES, FIRST_SEED = 3, 860_000
WEAK = 2000
"""Images with and without, as the renderer of the simulation gives them in size."""
ROUNDS = 5


def run(out: Path) -> dict[str, Any]:
    """Measures the reader, training steps and inference; returns and writes `gplac.json`."""
    with tempfile.TemporaryDirectory() as folder:
        weak = Path(folder) / "weak"
        _write_weak(weak)
        config = GplacTrainingConfig(weak=str(weak))
        spec = ObservationSpec((config.camera,))
        world = SimWorld(SimConfig(task="lift", cameras=spec.names))
        write_demos(world, Path(folder) / "demos", range(FIRST_SEED, FIRST_SEED + EPISODES))
        observation = observe(world.frame(), spec)
        world.close()
        reading, images = _reading(weak, config)
        dataset = open_dataset(Path(folder) / "demos", spec)
        training = {
            norm: _training(dataset, images, replace(config, norm=norm))
            for norm in ("group", "batch")
        }
        network = begun_network(config, config.policy())
        scales = feature_scales(config, network, find_samples(dataset))
        policy = GplacPolicy(network, scales, spec)
        inference = {f"{n}_threads": acting(policy, observation, n) for n in (1, 2)}
    size = f"{config.camera.width}x{config.camera.height}"
    return save_result(
        out / "gplac.json",
        {
            "image": size,
            "batch": [config.batch, config.weak_batch],
            "reading": reading,
            "training": training,
            "inference": inference,
        },
        "training: the convolutions, forward and backward, and group norm's gradient, which take "
        "the same for every image however many pass at once; the first reading of weak images: "
        "decoding and resizing, one thread per core; the next: asking for every file's size and "
        "time",
        "visuomotor bench gplac",
    )


def _reading(folder: Path, config: GplacTrainingConfig) -> tuple[dict[str, float], WeakImages]:
    size, taken = (config.camera.height, config.camera.width), []
    for _ in range(2):
        start = time.perf_counter()
        images = read_weak_images(folder, size)
        taken.append(time.perf_counter() - start)
    rates = {"first_images_per_s": len(images) / taken[0], "next_ms": 1e3 * taken[1]}
    return {k: round(v, 1) for k, v in rates.items()}, images


def _training(dataset: Dataset, weak: WeakImages, joint: GplacTrainingConfig) -> dict[str, float]:
    """Images/s of training steps, the median of the rounds; both sorts count.

    labels_alone: the task's gradient does not reach the encoder, the default.
    """
    ways = {
        "one_pass": _stepping(dataset, weak, replace(joint, task_gradient=1.0)),
        "two_passes": _stepping(
            dataset, weak, replace(joint, task_gradient=1.0, passes="separate")
        ),
        "labels_alone": _stepping(dataset, weak, joint),
    }
    taken = step_seconds(ways, ROUNDS)
    count = joint.batch + joint.weak_batch
    rates = {name: count / seconds for name, seconds in taken.items()}
    figures = {f"{name}_images_per_s": round(rate, 1) for name, rate in rates.items()}
    return {**figures, "one_over_two": round(rates["one_pass"] / rates["two_passes"], 3)}


def _stepping(
    dataset: Dataset, weak: WeakImages, config: GplacTrainingConfig
) -> Callable[[int], None]:
    samples = find_samples(dataset)
    network = begun_network(config, config.policy())
    images = camera_images(dataset, config.camera.name, samples.steps)
    scales = feature_scales(config, network, samples)
    task = WeakTask(config, weak, config.steps)
    objective = Objective(config, network, images, samples, scales, task)
    objective.model.train()
    objective.begin(config.steps - 1)  # after the warm-up
    optimiser = torch.optim.AdamW(objective.model.parameters(), weight_decay=0.0)

    def step(n: int) -> None:
        rng, generator = np.random.default_rng(n), torch.Generator().manual_seed(n)
        loss, _ = objective.step(rng, generator)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _write_weak(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("with", "without"):
        (folder / label).mkdir(parents=True)
        for i in range(WEAK // 2):
            coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
            cv2.imwrite(str(folder / label / f"{i}.png"), cv2.resize(coarse, (160, 120)))
