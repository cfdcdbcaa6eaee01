"""Random windows per second from bags: decoding them, and from the cache."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.results import save_result
from visuomotor.contracts import STEP_NS, CameraFrame, RobotState, SyncedFrame
from visuomotor.dataset import open_dataset
from visuomotor.geometry import PinholeCamera, matrix_from_rotvec, pose
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording import EpisodeWriter, Sidecar, WriterConfig, read_frames

SIZES = {"front": (120, 160), "side": (240, 320)}
EPISODES, SETS, LENGTH, BATCH, SEED = 6, 160, 8, 32, 0


def synthetic_frames(
    count: int,
    sizes: Mapping[str, tuple[int, int]] = SIZES,
    seed: int = 0,
    start_ns: int = 1_700_000_000_000_000_000,
) -> Iterator[SyncedFrame]:
    """Sets at 20 Hz of smooth scenes with sensor noise: images that compress like real ones."""
    rng = np.random.default_rng(seed)
    scenes = {n: _scene(rng, *size) for n, size in sizes.items()}
    for i in range(count):
        cameras = {}
        for name, (color, depth_mm) in scenes.items():
            height, width = depth_mm.shape
            noise = rng.integers(-2, 3, color.shape, dtype=np.int16)
            shifted = np.roll(color, i, axis=1).astype(np.int16) + noise
            holes = rng.random(depth_mm.shape) < 0.02
            cameras[name] = CameraFrame(
                np.clip(shifted, 0, 255).astype(np.uint8),
                np.where(holes, 0, np.roll(depth_mm, i, axis=1)).astype(np.uint16),
                PinholeCamera.from_fovy(width, height, 0.8),
                pose(np.diag([1.0, -1.0, -1.0]), [0.5, 0.0, 1.0]),
            )
        stamp = start_ns + i * STEP_NS
        T = pose(matrix_from_rotvec([np.pi - 0.002 * i, 0, 0.001 * i]), [0.4, 0.001 * i, 0.3])
        q = 0.1 * np.arange(7, dtype=np.float64) + 0.001 * i
        robot = RobotState(stamp, T, q, np.full(7, 0.02), 0.08 - 0.0001 * i)
        yield SyncedFrame(stamp, cameras, robot)


def write_synthetic(
    dataset: Path,
    episodes: int,
    sets: int,
    config: WriterConfig | None = None,
    sizes: Mapping[str, tuple[int, int]] = SIZES,
) -> list[Path]:
    """Records synthetic episodes of task `bench`, each set with its action."""
    paths = []
    for i in range(episodes):
        start_ns = _start_ns(i)
        with EpisodeWriter(dataset, Sidecar("bench", seed=i), start_ns, config) as writer:
            for frame in synthetic_frames(sets, sizes, i, start_ns):
                writer.add_frame(frame)
                writer.add_action(frame.stamp_ns + STEP_NS // 2, frame.robot.T_base_ee, 0.04)
            paths.append(writer.close("success"))
    return paths


def run(out: Path) -> dict[str, Any]:
    """Measures and writes `dataset.json` into `out`; about half a minute."""
    load = os.getloadavg()[0]
    spec = ObservationSpec(tuple(CameraSpec(n) for n in SIZES))
    with tempfile.TemporaryDirectory(prefix="visuomotor-bench-") as folder:
        root = Path(folder)
        paths = write_synthetic(root, EPISODES, SETS)
        written_s = _record_s(root / "again" / "dataset")
        size = sum(f.stat().st_size for p in paths for f in p.iterdir())

        rng = np.random.default_rng(SEED)
        cold = 0
        start = time.perf_counter()
        while time.perf_counter() - start < 5.0:
            which = int(rng.integers(EPISODES))
            decode_window(paths[which], which, int(rng.integers(SETS - LENGTH)))
            cold += 1
        cold_s = (time.perf_counter() - start) / cold

        start = time.perf_counter()
        open_dataset(root, spec)
        build_s = time.perf_counter() - start
        start = time.perf_counter()
        windows = open_dataset(root, spec).windows(LENGTH)
        reopen_s = time.perf_counter() - start

        def batches_per_s(depth: bool, tensors: bool) -> float:
            gathered = open_dataset(root, spec).windows(LENGTH, depth=depth)
            call = gathered.torch_batch if tensors else gathered.batch
            call([0])  # imports torch
            begin, done = time.perf_counter(), 0
            while time.perf_counter() - begin < 3.0:
                call(rng.integers(0, len(windows), BATCH))
                done += 1
            return done / (time.perf_counter() - begin)

        warm = batches_per_s(True, False) * BATCH
        figures = {
            "load_before": round(load, 1),
            "window_steps": LENGTH,
            "batch": BATCH,
            "cameras": {n: f"{h}x{w} seen at 120x160" for n, (h, w) in SIZES.items()},
            "cold_windows_per_s": round(1 / cold_s, 1),
            "warm_windows_per_s": round(warm, 1),
            "warm_windows_per_s_torch": round(batches_per_s(True, True) * BATCH, 1),
            "warm_windows_per_s_color_only": round(batches_per_s(False, False) * BATCH, 1),
            "warm_over_cold": round(warm * cold_s, 1),
            "cache_build_sets_per_s": round(EPISODES * SETS / build_s, 1),
            "cache_reopen_s": round(reopen_s, 3),
            "record_sets_per_s": round(SETS / written_s, 1),
            "bag_kb_per_set": round(size / 1e3 / EPISODES / SETS, 1),
        }
    limits = (
        "cold: opening the bag and its MCAP index in Python, then decoding JPEG and PNG; "
        "warm: copying the images out of the page cache and turning depth into float32 metres "
        f"({_window_mb(spec):.1f} MB a window)"
    )
    return save_result(out / "dataset.json", figures, limits, "visuomotor bench dataset", [SEED])


def _record_s(root: Path) -> float:
    """Seconds to record SETS sets that exist already."""
    frames = list(synthetic_frames(SETS))
    start = time.perf_counter()
    with EpisodeWriter(root, Sidecar("bench"), frames[0].stamp_ns) as writer:
        for frame in frames:
            writer.add_frame(frame)
    return time.perf_counter() - start


def decode_window(path: Path, episode: int, first: int) -> list[SyncedFrame]:
    """A window of a synthetic episode without a cache: only its own sets are decoded."""
    start_ns = _start_ns(episode) + first * STEP_NS
    return list(read_frames(path, (start_ns, start_ns + LENGTH * STEP_NS)))


def _start_ns(episode: int) -> int:
    return 1_700_000_000_000_000_000 + episode * 100 * 10**9


def _window_mb(spec: ObservationSpec) -> float:
    return sum(c.height * c.width * (3 + 4) for c in spec.cameras) * LENGTH / 1e6


def _scene(rng: np.random.Generator, height: int, width: int) -> tuple[Any, Any]:
    """Colour and depth with the low frequencies of a tabletop."""
    v, u = np.mgrid[:height, :width]
    phases = rng.uniform(0, 6, 3)
    waves = [np.sin(u / 15 + p) * np.cos(v / 11 + p) for p in phases]
    color = np.stack([127 + 90 * w for w in waves], axis=-1).astype(np.uint8)
    depth = (900 + 300 * v / height + 60 * waves[0]).astype(np.uint16)
    return color, depth
