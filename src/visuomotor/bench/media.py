"""Pictures of what a run did: GIFs of demonstrations and of rollouts with their keypoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from visuomotor.bench.evaluation import OnStep
from visuomotor.contracts import SyncedFrame, UInt8
from visuomotor.descriptors.overlay import draw_keypoints
from visuomotor.policies.runtime import PolicyRuntime
from visuomotor.recording import read_frames
from visuomotor.recording.video import write_gif

NONE = np.zeros((0, 3))


def demonstration_gif(episode: Path, folder: Path) -> Path:
    """`demonstration.gif`: all cameras of a recorded episode side by side."""
    images = (frame_image(f, NONE, np.zeros(0)) for f in read_frames(episode))
    return _save(folder / "demonstration.gif", images)


@contextmanager
def rollout_gifs(folder: Path, seeds: Sequence[int]) -> Iterator[OnStep]:
    """Yields an `on_step` for `evaluate`; writes `rollout_<seed>.gif` for the given seeds."""
    images: dict[int, list[UInt8]] = {seed: [] for seed in seeds}

    def on_step(seed: int, frame: SyncedFrame, runtime: PolicyRuntime) -> None:
        if seed in images:
            info = runtime.chunk.info if runtime.chunk is not None else {}
            points = info.get("keypoints", NONE)
            confidence = info.get("confidence", np.ones(len(points)))
            images[seed].append(frame_image(frame, points, confidence))

    yield on_step
    for seed, stack in images.items():
        if stack:
            _save(folder / f"rollout_{seed}.gif", iter(stack))


def frame_image(frame: SyncedFrame, points: np.ndarray, confidence: np.ndarray) -> UInt8:
    """All cameras of a set side by side, twice as large, with keypoints drawn in."""
    return np.hstack([draw_keypoints(c, points, confidence) for c in frame.cameras.values()])


def _save(path: Path, images: Iterator[UInt8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_gif(path, (np.ascontiguousarray(i[..., ::-1]) for i in images))
    return path
