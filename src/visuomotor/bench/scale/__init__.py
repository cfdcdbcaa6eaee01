"""How cost grows with the number of episodes: opening, memory, windows per second."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from visuomotor.bench.alternation import step_seconds
from visuomotor.bench.dataset import decode_window
from visuomotor.bench.results import save_result
from visuomotor.bench.scale.datasets import RECORDED, SIZES, SPEC, make_datasets
from visuomotor.bench.scale.probe import BATCH, LENGTH, fresh
from visuomotor.dataset import Windows, open_dataset
from visuomotor.recording.catalogue import find_episodes

COUNTS, SETS, SEED = (20, 200, 2000), 40, 0
PROBES, READ, ROUNDS, DECODED_ROUNDS = 3, 64, 200, 20
Figures = dict[str, float]


def run(out: Path) -> dict[str, Any]:
    """Measures and writes `scale.json` into `out`; some minutes and 11 GB of disk for the time."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="visuomotor-bench-") as folder:
        figures = measure(Path(folder), COUNTS, SETS, ROUNDS)
    limits = (
        "opening: asking every episode's bag and sidecar whether they changed; warm windows: "
        "copying the images out of the page cache and turning depth into float32 metres; "
        "decoded windows: opening the bag, then JPEG and PNG"
    )
    figures = {"load_before": round(load, 1), **figures}
    return save_result(out / "scale.json", figures, limits, "visuomotor bench scale", [SEED])


def measure(root: Path, counts: Sequence[int], sets: int, rounds: int) -> dict[str, Any]:
    """The figures for datasets of these counts, which are made below `root`."""
    datasets = make_datasets(root, counts, sets)
    first = {n: fresh(path, 0)["open_s"] for n, path in datasets.items()}
    probed: dict[int, list[Figures]] = {n: [] for n in counts}
    for _ in range(PROBES):
        for n, path in datasets.items():
            probed[n].append(fresh(path, READ))
    costs = {n: _medians(probes) for n, probes in probed.items()}
    rates = {
        "warm_windows_per_s": _warm(datasets, rounds),
        "decoded_windows_per_s": _decoded(datasets, sets, min(rounds, DECODED_ROUNDS)),
    }
    small, large = min(counts), max(counts)
    each = {
        str(n): {
            "first_open_s": round(first[n], 3),
            **{k: round(v, 4) for k, v in costs[n].items()},
            **{name: round(rate[n], 1) for name, rate in rates.items()},
        }
        for n in counts
    }
    more = large - small
    return {
        "episodes": each,
        "sets_per_episode": sets,
        "recorded_bags": min(RECORDED, large),
        "window_steps": LENGTH,
        "batch": BATCH,
        "read_batches": READ,
        "cameras": {n: f"{h}x{w}" for n, (h, w) in SIZES.items()},
        "open_ms_per_episode": round(
            1e3 * (costs[large]["open_s"] - costs[small]["open_s"]) / more, 3
        ),
        "opened_pss_mb_beyond_smallest": round(
            costs[large]["opened_pss_mb"] - costs[small]["opened_pss_mb"], 1
        ),
        "read_private_mb_beyond_smallest": round(
            costs[large]["read_private_mb"] - costs[small]["read_private_mb"], 1
        ),
        **{f"{k}_largest_over_smallest": round(r[large] / r[small], 3) for k, r in rates.items()},
    }


def _medians(probes: Sequence[Figures]) -> Figures:
    return {k: float(np.median([p[k] for p in probes])) for k in probes[0]}


def _warm(datasets: Mapping[int, Path], rounds: int) -> dict[int, float]:
    """Random windows per second by turns, each dataset's images looked at once before."""
    opened = {n: open_dataset(path, SPEC).windows(LENGTH) for n, path in datasets.items()}
    for windows in opened.values():
        apart = np.flatnonzero(windows.index[:, 1] % LENGTH == 0)
        for start in range(0, len(apart), BATCH):
            windows.batch(apart[start : start + BATCH])
    rng = np.random.default_rng(SEED)

    def reading(windows: Windows) -> Callable[[int], None]:
        def read(_: int) -> None:
            windows.batch(rng.integers(0, len(windows), BATCH))

        return read

    ways = {str(n): reading(windows) for n, windows in opened.items()}
    return {int(n): BATCH / s for n, s in step_seconds(ways, rounds).items()}


def _decoded(datasets: Mapping[int, Path], sets: int, rounds: int) -> dict[int, float]:
    """The same without the cache: a window's sets are decoded from its bag."""
    rng = np.random.default_rng(SEED)

    def reading(paths: Sequence[Path]) -> Callable[[int], None]:
        def read(_: int) -> None:
            which, at = int(rng.integers(len(paths))), int(rng.integers(sets - LENGTH))
            assert len(decode_window(paths[which], which % RECORDED, at)) == LENGTH

        return read

    ways = {str(n): reading(find_episodes(path)) for n, path in datasets.items()}
    return {int(n): 1 / s for n, s in step_seconds(ways, rounds).items()}
