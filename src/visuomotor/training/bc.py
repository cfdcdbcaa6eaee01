"""Trains the behaviour-cloning baselines: end to end, on an autoencoder's features, or the truth.

Florence et al. 2020, section V-A: the methods that the paper compares with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from visuomotor.checkpoint import load_checkpoint, load_into, save_checkpoint, sub_tensors
from visuomotor.config import from_mapping
from visuomotor.dataset import Dataset, open_dataset
from visuomotor.descriptors.config import DescriptorConfig
from visuomotor.errors import CheckpointError, DataError
from visuomotor.networks import SpatialEncoder
from visuomotor.observations import CameraSpec, ObservationSpec, observe
from visuomotor.policies.bc.config import BcPolicyConfig, CalibratedView, EncoderConfig
from visuomotor.policies.bc.policy import make_encoder
from visuomotor.policies.bc.truth import true_sight
from visuomotor.policies.heads import HeadConfig, PolicyHead, Scales
from visuomotor.recording import read_frames
from visuomotor.recording.catalogue import find_episodes
from visuomotor.training.auxiliary import (
    WeakSettings,
    WeakTask,
    feature_classifier,
    open_weak,
)
from visuomotor.training.cloning import CloningConfig, Known, Sight, clone
from visuomotor.training.device import CPU
from visuomotor.training.images import EncodedImages, camera_images, encode_all
from visuomotor.training.progress import Report
from visuomotor.training.samples import Samples, find_samples, scales_of
from visuomotor.training.state import TrainingState

CUBE_M = 0.05


def _corners() -> tuple[tuple[float, ...], ...]:
    signs = (-1.0, 1.0)
    return tuple((CUBE_M * x, CUBE_M * y, CUBE_M * z) for x in signs for y in signs for z in signs)


@dataclass(frozen=True)
class BcTrainingConfig(WeakSettings):
    """One training run of a baseline.

    weak, weak_*: an auxiliary task for an image policy whose encoder is learned.

    sight: see BcPolicyConfig. camera: the one to look with, or to project true points into.
    encoder: its network; `encoder_from` is the folder of a trained autoencoder or descriptor
    network whose weights it begins with, `frozen` leaves them as they are. objects,
    offsets_m: for true points, whose poses they are fixed to and where. task, episodes: only this
    task, only the first so many (None: all).
    """

    sight: Literal["image", "truth_3d", "truth_2d"] = "image"
    camera: CameraSpec = CameraSpec("front", depth=False)
    encoder: EncoderConfig = EncoderConfig()
    encoder_from: str = ""
    frozen: bool = False
    objects: tuple[str, ...] = ()
    offsets_m: tuple[tuple[float, ...], ...] = _corners()
    task: str | None = None
    episodes: int | None = None
    head: HeadConfig = HeadConfig()
    cloning: CloningConfig = CloningConfig()
    seed: int = 0

    def __post_init__(self) -> None:
        self.check_weak("bc")
        if self.weak and (self.sight != "image" or self.frozen):
            raise ValueError(
                f"bc: got weak images with sight {self.sight}, frozen {self.frozen}; expected an "
                "encoder that is learned"
            )
        if self.frozen and not self.encoder_from:
            raise ValueError("bc: got frozen without encoder_from; expected trained weights")
        if self.sight != "image" and not self.objects:
            raise ValueError(f"bc: got sight {self.sight} without `objects`; expected their names")


def train_bc(
    config: BcTrainingConfig,
    dataset_root: Path,
    out: Path,
    report: Report = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    device: torch.device = CPU,
) -> None:
    """Trains encoder and head, or the head alone, and writes a checkpoint to `out`."""
    image = config.sight == "image"
    spec = ObservationSpec(
        (replace(config.camera, depth=False),) if image else (), () if image else config.objects
    )
    dataset = open_dataset(dataset_root, spec, task=config.task, episodes=config.episodes)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    samples = find_samples(dataset)
    view = None
    if config.sight == "truth_2d":
        first = find_episodes(dataset_root, config.task, ("success", "unknown"))[0]
        view = calibrated_view(first, config.camera)
    form, encoder = begun_encoder(config) if image else (config.encoder, None)
    model_config = BcPolicyConfig(
        config.sight,
        form,
        () if image else config.offsets_m,
        max(1, len(config.objects)),
        view,
        config.head,
    )
    head = PolicyHead(config.head, model_config.shape)
    sight, samples, scales = _prepare(config, model_config, encoder, dataset, samples)
    auxiliary, weak = None, None
    if config.weak and encoder is not None:
        weak = open_weak(config, dataset, config.camera, report)
        task = WeakTask(config, weak, config.cloning.steps)
        auxiliary = feature_classifier(task, encoder, model_config.shape[0])
    key = {
        "config": asdict(config),
        "episodes": [e.name for e in dataset.episodes],
        "weak": None if weak is None else weak.key,
        "begun": None
        if encoder is None
        else [float(t.detach().double().sum()) for t in encoder.parameters()],
    }
    clone(
        head,
        sight,
        samples,
        scales,
        config.cloning,
        seed=config.seed,
        out=out,
        key=key,
        report=report,
        should_stop=should_stop,
        auxiliary=auxiliary,
        device=device,
    )
    tensors = {f"head.{k}": t for k, t in head.state_dict().items()}
    if encoder is not None:
        tensors |= {f"encoder.{k}": t for k, t in encoder.state_dict().items()}
    card = (
        f"# Behaviour cloning on {config.sight}\n"
        f"Trained for {config.cloning.steps} steps of {config.cloning.batch} on {len(samples)} "
        f"steps of {len(dataset)} episodes, seed {config.seed}.\n"
    )
    card += f"Beside them weak images: {weak.summary}.\n" if weak is not None else ""
    save_checkpoint(out, "bc", model_config, tensors, scales.tensors(), spec, card)
    TrainingState(out, "").clear()


def begun_encoder(config: BcTrainingConfig) -> tuple[EncoderConfig, SpatialEncoder]:
    """The encoder with its first weights: random ones, or form and weights of a trained network.

    A descriptor network's D channels become D points. CheckpointError for another network.
    """
    if not config.encoder_from:
        return config.encoder, make_encoder(config.encoder)
    checkpoint = load_checkpoint(config.encoder_from)
    values = checkpoint.config
    if checkpoint.family == "descriptors":
        d = from_mapping(DescriptorConfig, values, config.encoder_from)
        form, prefix = EncoderConfig(d.backbone, d.width, d.stride, d.dimensions), "network."
    elif checkpoint.family in ("autoencoder", "bc"):
        inner = values if checkpoint.family == "autoencoder" else values["encoder"]
        form, prefix = from_mapping(EncoderConfig, inner, config.encoder_from), "encoder."
    else:
        raise CheckpointError(
            f"{config.encoder_from}: got a checkpoint of family {checkpoint.family!r}, expected "
            "descriptors, autoencoder or bc"
        )
    encoder = make_encoder(form)
    found = sub_tensors(checkpoint.tensors, prefix)
    found.setdefault("log_sharpness", encoder.log_sharpness.detach())
    load_into(encoder, found, config.encoder_from)
    return form, encoder


def _prepare(
    config: BcTrainingConfig,
    model_config: BcPolicyConfig,
    encoder: SpatialEncoder | None,
    dataset: Dataset,
    samples: Samples,
) -> tuple[Sight, Samples, Scales]:
    """What is seen in the samples, those in which anything is, and the normaliser."""
    noise = (config.cloning.noise_position_m, config.cloning.noise_rotation_rad)
    if encoder is not None and not config.frozen:
        images = camera_images(dataset, config.camera.name, samples.steps)
        scales = scales_of(samples, model_config.shape, *noise)
        return EncodedImages(encoder, images, model_config.shape), samples, scales
    if encoder is not None:
        seen = encode_all(encoder, camera_images(dataset, config.camera.name, samples.steps))
    else:
        poses = [
            [dataset.episodes[e].T_base_object[name][t] for name in config.objects]
            for e, t in samples.steps
        ]
        seen = true_sight(np.array(poses), model_config)
    whole = seen.isfinite().flatten(1).all(1)
    if not bool(whole.any()):
        raise DataError(f"{config.sight}: no step in which all points lie before the camera")
    samples = samples.only(whole.numpy())
    return Known(seen[whole]), samples, scales_of(samples, seen[whole], *noise)


def calibrated_view(episode: Path, camera: CameraSpec) -> CalibratedView:
    """The calibration of an episode's camera, seen as `camera` says."""
    spec = ObservationSpec((replace(camera, depth=False),))
    frame = next(iter(read_frames(episode, cameras=spec.names)), None)
    if frame is None:
        raise DataError(f"{episode}: no set to read the calibration of {camera.name} from")
    seen = observe(frame, spec).views[camera.name]
    rows = tuple(tuple(float(x) for x in row) for row in seen.K)
    pose = tuple(tuple(float(x) for x in row) for row in seen.T_base_camera)
    return CalibratedView(rows, pose, camera.width, camera.height)
