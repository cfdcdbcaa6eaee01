"""Trains the dense family's policy on keypoints that descriptors find.

Florence, Manuelli and Tedrake 2020, sections III-B and IV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from visuomotor.checkpoint import load_tensors, save_checkpoint, save_tensors
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.dataset.dataset import CACHE
from visuomotor.descriptors.image_keypoints import locate_in_image_map
from visuomotor.descriptors.keypoints import locate_in_maps
from visuomotor.descriptors.model import DescriptorModel, load_descriptors
from visuomotor.errors import ConfigError, DataError, Interrupted, unknown_name
from visuomotor.networks import normalise_color
from visuomotor.networks.precision import autocast
from visuomotor.observations import ObservationSpec
from visuomotor.policies.dense.config import DensePolicyConfig
from visuomotor.policies.dense.policy import image_features
from visuomotor.policies.heads import HeadConfig, PolicyHead
from visuomotor.training.batches import camera_views
from visuomotor.training.cloning import CloningConfig, Known, clone
from visuomotor.training.descriptor_cache import DescriptorCache
from visuomotor.training.descriptor_sets import DescriptorSight, LearnedSet
from visuomotor.training.device import CPU, device_of, moved
from visuomotor.training.progress import Progress, Report
from visuomotor.training.samples import Int64, Samples, find_samples, scales_of
from visuomotor.training.state import TrainingState, inputs_key

BATCH = 32


@dataclass(frozen=True)
class DenseTrainingConfig:
    """One training run of a dense policy.

    descriptors: the folder of a trained descriptor network. space: `3d` or `2d`, see
    DensePolicyConfig. cameras: with which of the network's to look (empty: all, in 2-D the first).
    descriptor_set: `fixed`, the K of the reference view; `optimised`, learned with a policy;
    `end_to_end`, the network too. set_training: how these two are learned. task, episodes: only
    this task, only the first so many (None: all).
    """

    descriptors: str = ""
    space: Literal["3d", "2d"] = "3d"
    cameras: tuple[str, ...] = ()
    descriptor_set: Literal["fixed", "optimised", "end_to_end"] = "fixed"
    set_training: CloningConfig = CloningConfig(steps=2000, batch=32)
    task: str | None = None
    episodes: int | None = None
    head: HeadConfig = HeadConfig()
    cloning: CloningConfig = CloningConfig()
    seed: int = 0


def train_dense(
    config: DenseTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Finds the keypoints of every step once, trains the head, writes a checkpoint to `out`."""
    if not config.descriptors:
        raise ConfigError(
            "dense training: no `descriptors` folder given; train descriptors first "
            "(visuomotor train descriptors) and set it"
        )
    model = load_descriptors(config.descriptors)
    model = replace(model, spec=_spec(model.spec, config))
    dataset = open_dataset(dataset_root, model.spec, task=config.task, episodes=config.episodes)
    out.mkdir(parents=True, exist_ok=True)
    samples = find_samples(dataset)
    key = {
        "config": asdict(config),
        "episodes": [e.name for e in dataset.episodes],
        "descriptors": model.reference.tolist(),
    }

    def stop() -> None:
        if should_stop():
            raise Interrupted("dense training: stopped; run it again to go on")

    cache = DescriptorCache(Path(dataset_root) / CACHE, model, dataset)
    if config.descriptor_set != "end_to_end":
        cache.fill(model.spec.names, report, stop)
    if config.descriptor_set != "fixed":
        model = _with_learned_set(
            model, dataset, samples, cache, config, out, key, report, should_stop, device
        )
        cache = DescriptorCache(Path(dataset_root) / CACHE, model, dataset)
    torch.manual_seed(config.seed)
    head_config = DensePolicyConfig(model.config, config.space, config.head)
    seen = find_keypoints(model, dataset, samples, cache, config.space, report, stop)
    found = seen.isfinite().flatten(1).all(1)
    if not bool(found.any()):
        raise DataError("no step of the dataset shows anything in the workspace; check the depth")
    samples, seen = samples.only(found.numpy()), seen[found]
    noise = (config.cloning.noise_position_m, config.cloning.noise_rotation_rad)
    scales = scales_of(samples, seen, *noise)
    head = PolicyHead(config.head, head_config.shape)
    clone(
        head,
        Known(seen),
        samples,
        scales,
        config.cloning,
        seed=config.seed,
        out=out,
        key=key,
        report=report,
        should_stop=should_stop,
        device=device,
    )
    tensors = {f"descriptors.{k}": t for k, t in model.tensors().items()}
    tensors.update({f"head.{k}": t for k, t in head.state_dict().items()})
    card = (
        "# Dense policy\n"
        f"Trained for {config.cloning.steps} steps of {config.cloning.batch} on {len(samples)} "
        f"steps of {len(dataset)} episodes, seed {config.seed}, {config.descriptor_set} "
        f"descriptors from {Path(config.descriptors).name}.\n"
    )
    save_checkpoint(out, "dense", head_config, tensors, scales.tensors(), model.spec, card)
    TrainingState(out, "").clear()


def _spec(spec: ObservationSpec, config: DenseTrainingConfig) -> ObservationSpec:
    """The cameras that the policy looks with; ConfigError for one that the network never saw."""
    for name in config.cameras:
        if name not in spec.names:
            raise ConfigError(f"dense training: {unknown_name('camera', name, spec.names)}")
    wanted = config.cameras or (spec.names if config.space == "3d" else spec.names[:1])
    cameras = tuple(c for c in spec.cameras if c.name in wanted)
    if config.space == "2d":
        if len(cameras) != 1:
            raise ConfigError(f"dense training: got cameras {wanted} in 2-D, expected one")
        cameras = (replace(cameras[0], depth=False),)
    return ObservationSpec(cameras)


@torch.inference_mode()
def find_keypoints(
    model: DescriptorModel,
    dataset: Dataset,
    samples: Samples,
    cache: DescriptorCache,
    space: str,
    report: Report = lambda _: None,
    stop: Callable[[], None] = lambda: None,
) -> Tensor:
    """Keypoints (N, K, 3) in base of all samples, or their features (N, 2 K) in the image."""
    found = []
    names, grid = model.spec.names, model.network.grid
    for start in range(0, len(samples), BATCH):
        steps = samples.steps[start : start + BATCH]
        maps = [cache.at(steps, name) for name in names]
        if space == "3d":
            views = [camera_views(dataset, name, steps) for name in names]
            located = locate_in_maps(maps, views, model.reference, grid, model.config)
            found.append(located.points)
        else:
            size = dataset.episodes[0].color[names[0]].shape[1:3]
            pixels, _ = locate_in_image_map(maps[0], model.reference, size, grid, model.config)
            found.append(image_features(pixels, size))
        report(Progress("find_keypoints", start + len(steps), len(samples)))
        stop()
    return torch.cat(found)


def _with_learned_set(
    model: DescriptorModel,
    dataset: Dataset,
    samples: Samples,
    cache: DescriptorCache,
    config: DenseTrainingConfig,
    out: Path,
    key: Mapping[str, object],
    report: Report,
    should_stop: Callable[[], bool],
    device: torch.device,
) -> DescriptorModel:
    """The model with descriptors (and network) that were learned with a policy; kept in `out`."""
    deciding = {**asdict(config), "cloning": None}  # another head's training keeps the set
    key = {**key, "config": deciding}
    folder = out / "set"
    path = folder / f"learned-{inputs_key(key)[:16]}.safetensors"
    folder.mkdir(exist_ok=True)
    torch.manual_seed(config.seed)
    end_to_end = config.descriptor_set == "end_to_end"
    network = model.network
    learned = LearnedSet(model.reference, network.train() if end_to_end else None)
    if not path.exists():

        def describe(steps: Int64, camera: str) -> Tensor:
            if not end_to_end:
                return cache.at(steps, camera)
            color = np.stack([dataset.episodes[e].color[camera][t] for e, t in steps])
            images = moved(torch.from_numpy(color), device_of(network))
            with autocast("auto", images.device):
                maps: Tensor = network(normalise_color(images))
            return maps.float()

        sight = DescriptorSight(model, dataset, samples, config.space, describe, learned)
        noise = (config.set_training.noise_position_m, config.set_training.noise_rotation_rad)
        scales = scales_of(samples, sight.shape, *noise)
        clone(
            PolicyHead(config.head, sight.shape),
            sight,
            samples,
            scales,
            config.set_training,
            seed=config.seed,
            out=folder,
            key=key,
            report=report,
            should_stop=should_stop,
            stage="train_descriptor_set",
            save_every=200,
            device=device,
        )
        save_tensors(learned.state_dict(), path)
        TrainingState(folder, "").clear()
    learned.load_state_dict(load_tensors(path))
    network.eval()
    return replace(model, network=network, reference=learned.reference.detach().clone())
