"""What a hand-eye action network costs: a training step against literal crops, and acting.

The ways alternate within one run, so that whatever else the machine does strikes all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visuomotor.bench.acting import acting
from visuomotor.bench.alternation import ratio, step_times
from visuomotor.bench.results import save_result
from visuomotor.contracts import Observation
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies.han import HanPolicy
from visuomotor.policies.han.network import HanNetwork
from visuomotor.policies.han.scales import Scales
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.training.han import HanTrainingConfig, find_samples, han_loss, scales_of

EPISODES, FIRST_SEED = 3, 860_000
ROUNDS = 3
FORMS = {"16x48": (16, 48), "32x64": (32, 64)}
"""Regions of so many pixels: our default, and larger ones; the paper gives no sizes."""


def run(out: Path) -> dict[str, Any]:
    """Measures training steps and inference; returns and writes `han.json`."""
    spec = ObservationSpec((CameraSpec("front"), CameraSpec("side")))
    front = ObservationSpec(spec.cameras[:1])
    with tempfile.TemporaryDirectory() as folder:
        observation = _record(Path(folder), spec)
        training = _beside(open_dataset(folder, front))
    inference = {
        f"{len(s.names)}_cameras_{n}_threads": acting(_untrained(s), observation, n)
        for s in (front, spec)
        for n in (1, 2)
    }
    return save_result(
        out / "han.json",
        {"batch": HanTrainingConfig().batch, "training": training, "inference": inference},
        "the convolutions, forward and backward; literal crops overlap and pay for every overlap",
        "visuomotor bench han",
    )


def measure_training(folder: Path) -> dict[str, Any]:
    """A training step with shared convolutions and with literal crops, on bags made in `folder`."""
    spec = ObservationSpec((CameraSpec("front"),))
    _record(folder, spec)
    return _beside(open_dataset(folder, spec))


def _record(folder: Path, spec: ObservationSpec) -> Observation:
    """Records a few demonstrations; what is seen at the end."""
    world = SimWorld(SimConfig(task="lift", cameras=spec.names))
    write_demos(world, folder, range(FIRST_SEED, FIRST_SEED + EPISODES))
    observation = observe(world.frame(), spec)
    world.close()
    return observation


def _beside(dataset: Dataset) -> dict[str, Any]:
    return {form: _training(dataset, *shape) for form, shape in FORMS.items()}


def _training(dataset: Dataset, windows: int, window_px: int) -> dict[str, float]:
    """Milliseconds of a training step, the median of the rounds, and their ratio."""
    shared = HanTrainingConfig(windows=windows, window_px=window_px)
    ways = {
        "shared": _stepping(dataset, shared),
        "literal": _stepping(dataset, replace(shared, crops="literal")),
    }
    times = step_times(ways, ROUNDS)
    figures = {f"{name}_ms": round(1e3 * float(np.median(s)), 1) for name, s in times.items()}
    beside = ratio(times["literal"], times["shared"])
    spread = {f"literal_over_shared_{end}": beside[end] for end in ("low", "high")}
    return {**figures, "literal_over_shared": beside["ratio"], **spread}


def _stepping(dataset: Dataset, config: HanTrainingConfig) -> Callable[[int], None]:
    torch.manual_seed(0)
    network = HanNetwork(config.policy(), len(config.cameras))
    network = network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(network.parameters())
    samples = find_samples(dataset, config.chunk)
    scales = scales_of(samples)

    def step(n: int) -> None:
        rng, generator = np.random.default_rng(n), torch.Generator().manual_seed(n)
        rows = rng.integers(len(samples.steps), size=config.batch)
        loss, _ = han_loss(network, dataset, samples, rows, scales, config, rng, generator)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def _untrained(spec: ObservationSpec) -> HanPolicy:
    config = HanTrainingConfig(cameras=spec.cameras)
    network = HanNetwork(config.policy(), len(spec.cameras))
    scales = Scales(torch.tensor([0.0, 0.08]), torch.tensor([[0.02, 0.1]]))
    return HanPolicy(network, scales, spec)
