"""Episodes that others recorded, as bags of ours: one format to train from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visuomotor.contracts import STEP_NS, CameraFrame, Float64, RobotState, SyncedFrame, UInt8
from visuomotor.errors import DataError
from visuomotor.geometry import PinholeCamera, is_pose
from visuomotor.recording import EpisodeWriter, Outcome, Sidecar, WriterConfig

EPOCH_NS = 1_600_000_000_000_000_000
"""Stamps of imported episodes begin here, a minute apart at least: they have no clock of ours."""
UNCALIBRATED = "uncalibrated"
"""The tag of episodes whose cameras' places are unknown: for policies that use colour alone."""


@dataclass(frozen=True)
class ImportedCamera:
    """A camera's intrinsics and place; T_base_camera None: unknown, and written as identity."""

    camera: PinholeCamera
    T_base_camera: Float64 | None = None

    @staticmethod
    def nominal(width: int, height: int) -> ImportedCamera:
        """Of unknown make and place: a field of view of 45 degrees."""
        return ImportedCamera(PinholeCamera.from_fovy(width, height, np.deg2rad(45.0)))


@dataclass(frozen=True)
class ImportedStep:
    """One step at 20 Hz: images (H, W, 3) RGB by camera, the robot, and the action in base."""

    color: dict[str, UInt8]
    T_base_ee: Float64
    width_m: float
    q: Float64
    action_pose: Float64
    action_width_m: float


@dataclass(frozen=True)
class ImportedEpisode:
    """What `write_episodes` takes; steps may be made while they are read."""

    name: str
    steps: Iterable[ImportedStep]
    cameras: dict[str, ImportedCamera]
    outcome: Outcome = "unknown"
    tags: tuple[str, ...] = ()


def write_episodes(
    episodes: Iterable[ImportedEpisode], dataset: Path, task: str, operator: str
) -> Iterator[Path]:
    """Records each as a bag below `dataset/<task>/`, PNG images, and yields its folder.

    The action of a step is a target that is accepted in the middle of it, so that
    `dataset.open_dataset` gives it back. Raises DataError for values that are not finite.
    """
    start_ns = EPOCH_NS
    for episode in episodes:
        if not episode.cameras:
            raise DataError(f"{episode.name}: no camera's images, expected those of one at least")
        known = all(c.T_base_camera is not None for c in episode.cameras.values())
        tags = (*episode.tags, f"from {episode.name}", *(() if known else (UNCALIBRATED,)))
        sidecar = Sidecar(task, operator=operator, tags=tags)
        with EpisodeWriter(dataset, sidecar, start_ns, WriterConfig(color="png")) as writer:
            stamp_ns = start_ns
            for step in episode.steps:
                _check(step, episode.name)
                writer.add_frame(_frame(step, episode.cameras, stamp_ns))
                accepted_ns = stamp_ns + STEP_NS // 2
                writer.add_action(accepted_ns, step.action_pose, step.action_width_m)
                stamp_ns += STEP_NS
            yield writer.close(episode.outcome)
        start_ns = stamp_ns + 60_000_000_000


def _frame(step: ImportedStep, cameras: dict[str, ImportedCamera], stamp_ns: int) -> SyncedFrame:
    views = {
        name: CameraFrame(
            np.ascontiguousarray(step.color[name]),
            None,
            c.camera,
            np.eye(4) if c.T_base_camera is None else c.T_base_camera,
        )
        for name, c in cameras.items()
    }
    robot = RobotState(stamp_ns, step.T_base_ee, step.q, np.zeros(7), step.width_m)
    return SyncedFrame(stamp_ns, views, robot)


def _check(step: ImportedStep, name: str) -> None:
    widths = np.array([step.width_m, step.action_width_m])
    finite = np.isfinite(step.q).all() and np.isfinite(widths).all()
    if not (finite and is_pose(step.T_base_ee) and is_pose(step.action_pose)):
        raise DataError(
            f"{name}: a step whose pose, joints, width or action is not finite or no pose; "
            "expected metres and rotations, check the layout of its state and action"
        )
