"""What the dense policy costs: a training step with and without the descriptor cache, and acting.

The released descriptors of the lift task, on demonstrations made for this. The ways alternate
within one run, so that whatever else the machine does strikes all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visuomotor.bench.acting import acting
from visuomotor.bench.alternation import step_seconds
from visuomotor.bench.results import save_result
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.model import DescriptorModel
from visuomotor.networks import normalise_color
from visuomotor.observations import observe
from visuomotor.policies import load_policy
from visuomotor.policies.dense import DensePolicy
from visuomotor.policies.heads import HeadConfig, PolicyHead
from visuomotor.ros.launch import share_folder
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos
from visuomotor.training.cloning import CloningConfig, Known, Sight, cloning_loss
from visuomotor.training.dense import find_keypoints
from visuomotor.training.descriptor_cache import DescriptorCache
from visuomotor.training.descriptor_sets import Describe, DescriptorSight, LearnedSet
from visuomotor.training.samples import Samples, find_samples, scales_of

EPISODES, FIRST_SEED = 4, 860_000
BATCH = 32
ROUNDS, STEPS = 5, 8


def run(out: Path) -> dict[str, Any]:
    """Measures training steps and inference; returns and writes `dense.json`."""
    policy = load_policy(share_folder() / "models" / "checkpoints" / "lift_dense")
    assert isinstance(policy, DensePolicy)
    names = policy.spec.names
    with tempfile.TemporaryDirectory() as folder:
        world = SimWorld(SimConfig(task="lift", cameras=names))
        write_demos(world, Path(folder), range(FIRST_SEED, FIRST_SEED + EPISODES))
        observation = observe(world.frame(), policy.spec)
        world.close()
        dataset = open_dataset(folder, policy.spec)
        training = _training(policy.descriptors, dataset, Path(folder) / "cache")
    inference = {f"{n}_threads": acting(policy, observation, n) for n in (1, 2)}
    return save_result(
        out / "dense.json",
        {"episodes": EPISODES, "batch": BATCH, "training": training, "inference": inference},
        "training an optimised set: reading maps from the page cache and the softmax over the "
        "cells; without the cache: the network on every image; acting: the network, then the "
        "descriptors of the workspace's pixels",
        "visuomotor bench dense",
    )


def _training(model: DescriptorModel, dataset: Dataset, cache_dir: Path) -> dict[str, Any]:
    samples = find_samples(dataset)
    cache = DescriptorCache(cache_dir, model, dataset)
    cache.fill(model.spec.names, lambda _: None, lambda: None)

    def network(steps: np.ndarray, camera: str) -> torch.Tensor:
        color = np.stack([dataset.episodes[e].color[camera][t] for e, t in steps])
        with torch.no_grad():
            maps: torch.Tensor = model.network(normalise_color(torch.from_numpy(color)))
        return maps

    def optimised(describe: Describe) -> Sight:
        learned = LearnedSet(model.reference, None)
        return DescriptorSight(model, dataset, samples, "3d", describe, learned)

    seen = find_keypoints(model, dataset, samples, cache, "3d")
    ways = {
        "fixed_set": Known(seen),
        "optimised_set_cached": optimised(cache.at),
        "optimised_set_uncached": optimised(network),
    }
    taken = step_seconds(
        {k: _stepping(way, samples, model) for k, way in ways.items()}, ROUNDS, STEPS
    )
    rates = {name: round(1 / seconds, 1) for name, seconds in taken.items()}
    ratio = rates["optimised_set_cached"] / rates["optimised_set_uncached"]
    return {"steps_per_s": rates, "cached_over_uncached": round(ratio, 2)}


def _stepping(sight: Sight, samples: Samples, model: DescriptorModel) -> Callable[[int], None]:
    config = CloningConfig(batch=BATCH)
    head = PolicyHead(HeadConfig(), sight.shape)
    scales = scales_of(samples, sight.shape, config.noise_position_m, config.noise_rotation_rad)

    def step(n: int) -> None:
        rng = np.random.default_rng(n)
        rows = rng.integers(len(samples), size=BATCH)
        seen = sight.look(rows, torch.Generator())
        mask = np.ones(BATCH, bool)
        loss, _ = cloning_loss(head, seen, samples, rows, mask, scales, config, rng)
        loss.backward()  # type: ignore[no-untyped-call]

    return step
