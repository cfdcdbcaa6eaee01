"""How the methods of the hand-eye study are trained; every one with the settings of one place.

One budget (docs/results/README.md): whatever learns convolutions takes STEPS steps of BATCH
images; what is told the true state, or is given a cloud, takes many batches of its own. The noise
on the hand's pose is the same for all but the paper's forms, which have none: an image shows the
hand as it is, so that a keypoint on the gripper would tell the noise. In `tool_use` the hook is let
go before a line that is fixed in the world and too flat for a cloud: who does not see it is told
the hand's place there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from visuomotor.bench.study.dense_methods import NOISE
from visuomotor.bench.study.plan import Job
from visuomotor.observations import CameraSpec
from visuomotor.policies.bc.config import EncoderConfig
from visuomotor.policies.heads import HeadConfig
from visuomotor.training import train
from visuomotor.training.cloning import CloningConfig

Train = Callable[[Job], Mapping[str, Any]]

STEPS, BATCH = 6_000, 32
HEAD_STEPS, CLOUD_STEPS = 24_000, 15_000
WITH_PLACE = ("tool_use",)
OBJECTS = {"lift": ("cube",), "stack": ("cube", "plate"), "tool_use": ("cube", "ring", "tool")}
"""Whose true poses the baselines are told."""
FRONT = (CameraSpec("front"),)
BOTH = (CameraSpec("front"), CameraSpec("side"))
PAPER: dict[str, Any] = {
    "cameras": FRONT,
    "inputs": "absolute",
    "context": False,
    "proprioception": False,
    "padding": "zeros",
    "described": "all",
    "keypoint": "mean",
    "noise_position_m": 0.0,
    "noise_rotation_rad": 0.0,
    "noise_width_m": 0.0,
}
"""The paper's inputs, on top of which its variants differ in one thing each."""


def hand_eye(**settings: Any) -> Train:
    """A hand-eye action network with these departures from the defaults."""

    def method(job: Job) -> Mapping[str, Any]:
        run(job, "han", steps=STEPS, batch=BATCH, **{**NOISE, **settings})
        return {}

    return method


def states(relative: bool) -> Train:
    """A head on the objects' true poses: as the paper has it, or seen from the hand."""

    def method(job: Job) -> Mapping[str, Any]:
        objects = OBJECTS[job.cell.task]
        head = HeadConfig(groups=len(objects), absolute=job.cell.task in WITH_PLACE)
        if not relative:
            head = HeadConfig(points="absolute", absolute=True)
        cloning = CloningConfig(steps=HEAD_STEPS, **NOISE)
        run(job, "bc", sight="truth_3d", objects=objects, head=head, cloning=cloning)
        return {}

    return method


def image(job: Job) -> Mapping[str, Any]:
    """The same convolutions, then 64 points of a spatial softmax and a head."""
    encoder = EncoderConfig("local_zeros", points=64, sharpness=10.0)  # as the attention begins
    run(job, "bc", encoder=encoder, head=HeadConfig(), cloning=CloningConfig(STEPS, BATCH, **NOISE))
    return {}


def cloud(job: Job) -> Mapping[str, Any]:
    """EE-PointBC."""
    run(job, "pointbc", absolute=job.cell.task in WITH_PLACE, steps=CLOUD_STEPS, **NOISE)
    return {}


def run(job: Job, family: str, **settings: Any) -> None:
    """The training of the cell."""
    cell = job.cell
    own = {"task": cell.task, "episodes": cell.demonstrations, "seed": cell.seed, **settings}
    train(family, None, job.dataset, job.out, job.report, job.should_stop, job.device, **own)
