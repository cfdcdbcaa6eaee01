"""ACT and Diffusion Policy, trained by LeRobot's own program on an export of the cell's bags.

They run where LeRobot is installed (`make lerobot`). Settings depart from LeRobot's where its own
are for hours of a GPU, or need a download; docs/lerobot.md says what was tried.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from visuomotor.bench.study.lerobot_training import LeRobotTraining, train_lerobot
from visuomotor.bench.study.plan import Job
from visuomotor.bench.study.work import locked
from visuomotor.checkpoint import LEROBOT, OBSERVATION
from visuomotor.interchange.lerobot_export import export_lerobot
from visuomotor.observations import CameraSpec, ObservationSpec

Train = Callable[[Job], Mapping[str, Any]]

SIGHT = ObservationSpec((CameraSpec("front", depth=False),))
"""What `bc_image` sees, too."""
STEPS, BATCH = 10_000, 8
ACT: dict[str, Any] = {
    "chunk_size": 20,
    "n_action_steps": 10,
    "dim_model": 256,
    "dim_feedforward": 1024,
    "pretrained_backbone_weights": None,
    "optimizer_lr": 1e-4,
    "optimizer_lr_backbone": 1e-4,
}
DIFFUSION: dict[str, Any] = {
    "crop_shape": [108, 144],
    "down_dims": [128, 256, 512],
    "noise_scheduler_type": "DDIM",
    "num_inference_steps": 10,
}


def lerobot_method(kind: str, policy: Mapping[str, Any]) -> Train:
    """A policy of LeRobot with these departures from its defaults."""

    def method(job: Job) -> Mapping[str, Any]:
        dataset = exported(job)
        training = LeRobotTraining(kind, STEPS, BATCH, job.cell.seed, dict(policy))
        run = job.out.with_name("lerobot")
        trained = train_lerobot(training, dataset, run, job.out, job.report, job.should_stop)
        publish(trained, dataset, job.out)
        shutil.rmtree(run)
        return {}

    return method


act = lerobot_method("act", ACT)
diffusion = lerobot_method("diffusion", DIFFUSION)


def exported(job: Job) -> Path:
    """The cell's demonstrations as a LeRobotDataset, made once for all that train on them."""
    out = job.shared / "lerobot"
    with locked(out.with_suffix(".lock")):
        if not out.exists():
            cell = job.cell
            export_lerobot(job.dataset, out, SIGHT, cell.task, ("success",), cell.demonstrations)
    return out


def publish(trained: Path, dataset: Path, out: Path) -> None:
    """Copies a trained policy's files and its observation.yaml to a checkpoint's folder."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(dataset / "meta" / OBSERVATION, out / OBSERVATION)
    for file in sorted(trained.iterdir(), key=lambda f: f.name == LEROBOT):  # the mark of it last
        shutil.copy(file, out / file.name)
