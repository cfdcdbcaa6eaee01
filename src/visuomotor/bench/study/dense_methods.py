"""How the methods of the dense study are trained; every one with the settings of one place.

One budget for all (docs/results/README.md): whatever learns from images takes IMAGE_STEPS steps of
IMAGE_BATCH images; every head takes the same steps of the same loss with the same noise. Where the
goal is fixed in the world and not to be seen, the hand's place is an input, whatever the method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from visuomotor.bench.study.plan import Job
from visuomotor.bench.study.work import locked
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.heads import HeadConfig
from visuomotor.training import train
from visuomotor.training.cloning import CloningConfig
from visuomotor.training.dense import DenseTrainingConfig

Noise = Mapping[str, Any]
"""Fields of CloningConfig to be changed."""
Train = Callable[[Job], Mapping[str, Any]]

NOISE: dict[str, Any] = {"noise_position_m": 0.01, "noise_rotation_rad": 0.05}
"""On the robot's state, for every method; chosen with gt3d on push_plate's development starts."""
HEAD_STEPS = {"reach_t": 8_000, "reach_tr": 8_000, "push_box": 24_000, "push_plate": 24_000}
"""Batches of a head, about the same epochs: pushing takes three times the steps of reaching."""
IMAGE_STEPS, IMAGE_BATCH = 15_000, 16
DESCRIPTORS: dict[str, Any] = {"steps": 2_000}
"""Pairs of cameras are drawn eight at a time, augmented as by default."""
AUTOENCODERS: dict[str, dict[str, Any]] = {
    "ae": {"masked": False, "learning_rate": 3e-3},
    "ae_mask": {"masked": True},
}
"""On development episodes of reach_tr the carton's place could be read from `ae`'s points to 10 and
24 mm (x, y) with a rate of 1e-3, to 8 and 13 mm with this one, after 2000 steps each."""
ENCODER = EncoderConfig("levine", stride=4)
OBJECTS = {"reach_t": "carton", "reach_tr": "carton", "push_box": "carton", "push_plate": "plate"}
"""Whose true pose the baselines are told."""
WITH_PLACE = ("push_box", "push_plate")
"""Tasks whose goal is fixed in the world and not to be seen."""


def head_of(task: str, memory: bool = False) -> HeadConfig:
    """The head of a task, the same for every method that has one; memory: the paper's LSTM."""
    absolute = task in WITH_PLACE
    if memory:
        return HeadConfig("lstm", (100, 100), absolute=absolute)
    return HeadConfig(absolute=absolute)


def cloning_of(task: str, memory: bool = False) -> CloningConfig:
    """How that head is trained."""
    return CloningConfig(steps=HEAD_STEPS[task], batch=512 if memory else 256, **NOISE)


def common(job: Job) -> dict[str, Any]:
    """What every training of a cell is told."""
    cell = job.cell
    return {"task": cell.task, "episodes": cell.demonstrations, "seed": cell.seed}


def truth(sight: str, memory: bool = False, noise: Noise = MappingProxyType({})) -> Train:
    """Points on the object at its true pose, `truth_3d` or `truth_2d`."""

    def method(job: Job) -> Mapping[str, Any]:
        task = job.cell.task
        run(
            job,
            "bc",
            job.out,
            sight=sight,
            objects=(OBJECTS[task],),
            head=head_of(task, memory),
            cloning=replace(cloning_of(job.cell.task, memory), **noise),
        )
        return {}

    return method


def end_to_end(encoder: EncoderConfig = ENCODER, begin: str = "") -> Train:
    """Encoder and head from images; begin: with the weights of `ae`, `ae_mask` or `descriptors`."""

    def method(job: Job) -> Mapping[str, Any]:
        begun, stages = started(job, begin)
        run(
            job,
            "bc",
            job.out,
            encoder=encoder,
            encoder_from=begun,
            head=head_of(job.cell.task),
            cloning=CloningConfig(IMAGE_STEPS, IMAGE_BATCH, **NOISE),
        )
        return {"stages": stages}

    return method


def frozen(begin: str) -> Train:
    """A head on the features of an autoencoder that stays as it is."""

    def method(job: Job) -> Mapping[str, Any]:
        begun, stages = started(job, begin)
        run(
            job,
            "bc",
            job.out,
            encoder_from=begun,
            frozen=True,
            head=head_of(job.cell.task),
            cloning=cloning_of(job.cell.task),
        )
        return {"stages": stages}

    return method


def keypoints(
    space: str,
    descriptor_set: str = "optimised",
    cameras: tuple[str, ...] = (),
    memory: bool = False,
    noise: Noise = MappingProxyType({}),
) -> Train:
    """Dense descriptors, DD-3D or DD-2D; noise: departures from that of all, of the set's, too."""

    def method(job: Job) -> Mapping[str, Any]:
        begun, stages = started(job, "descriptors")
        run(
            job,
            "dense",
            job.out,
            descriptors=begun,
            space=space,
            cameras=cameras,
            descriptor_set=descriptor_set,
            set_training=replace(DenseTrainingConfig().set_training, **noise),
            head=head_of(job.cell.task, memory),
            cloning=replace(cloning_of(job.cell.task, memory), **noise),
        )
        return {"stages": stages}

    return method


def cloud(job: Job) -> Mapping[str, Any]:
    """EE-PointBC; its steps are chosen with push_plate's development starts, where more helped."""
    absolute = job.cell.task in WITH_PLACE
    run(job, "pointbc", job.out, absolute=absolute, steps=IMAGE_STEPS, **NOISE)
    return {}


def started(job: Job, what: str) -> tuple[str, dict[str, str]]:
    """The folder of a network that several cells share, trained if it is not, and its curve."""
    if not what:
        return "", {}
    out = job.shared / f"{what}-seed{job.cell.seed}"
    with locked(out.with_suffix(".lock")):
        if not (out / "config.yaml").exists():
            if what == "descriptors":
                run(job, "descriptors", out, **DESCRIPTORS)
            else:
                settings = {"encoder": ENCODER, "steps": IMAGE_STEPS, "batch": IMAGE_BATCH}
                run(job, "autoencoder", out, **AUTOENCODERS[what], **settings)
    return str(out), {what: str(out)}


def run(job: Job, family: str, out: Path, **settings: Any) -> None:
    """One training of the cell."""
    own = {**common(job), **settings}
    train(family, None, job.dataset, out, job.report, job.should_stop, job.device, **own)
