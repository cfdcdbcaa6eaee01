"""Datasets of many synthetic episodes, made from a few recorded bags.

Every episode has a folder, a sidecar and decoded arrays of its own; the bags in them are hard links
of the recorded ones, which the index cannot tell: it asks each folder's files for their age. The
smaller datasets are the first episodes of the largest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from visuomotor.bench.dataset import write_synthetic
from visuomotor.dataset import open_dataset
from visuomotor.dataset.dataset import CACHE
from visuomotor.errors import DataError
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.recording.sidecar import SIDECAR, load_sidecar, save_sidecar

SIZES = {"front": (96, 128), "side": (96, 128)}
SPEC = ObservationSpec(tuple(CameraSpec(n, *size) for n, size in SIZES.items()))
RECORDED = 20


def make_datasets(root: Path, counts: Sequence[int], sets: int) -> dict[int, Path]:
    """A dataset of each count below `root`, decoded, but opened by nobody; DataError if full."""
    steps = max(counts) * sets
    needed = steps * sum(h * w * (3 + 2) for h, w in SIZES.values())
    free = shutil.disk_usage(root).free
    if free < 1.2 * needed:
        raise DataError(
            f"{root}: got {free / 1e9:.0f} GB of free disk, expected {1.2 * needed / 1e9:.0f} for "
            f"the decoded images of {max(counts)} episodes; set TMPDIR to a larger disk"
        )
    bags = write_synthetic(root / "recorded", min(RECORDED, max(counts)), sets, sizes=SIZES)
    made = {n: root / str(n) for n in counts}
    for n, dataset in made.items():
        for i in range(n):
            bag = bags[i % len(bags)]
            _copied(bag, dataset / "bench" / f"{i:06d}-{bag.name}", i)
    largest = made[max(counts)]
    open_dataset(largest, SPEC)
    decoded = sorted(p for p in (largest / CACHE).iterdir() if p.is_dir())
    for n, dataset in made.items():
        if dataset == largest:
            continue
        for folder in decoded[:n]:
            shutil.copytree(folder, dataset / CACHE / folder.name, copy_function=os.link)
    for path in (p for p in (largest / CACHE).iterdir() if p.is_file()):
        path.unlink()  # the index and the table: whoever opens it first makes them
    return made


def _copied(bag: Path, folder: Path, seed: int) -> None:
    """An episode of its own with the bag's messages."""
    folder.mkdir(parents=True)
    for path in bag.iterdir():
        if path.suffix == ".mcap":
            os.link(path, folder / path.name)
        elif path.name != SIDECAR:
            shutil.copy(path, folder / path.name)
    save_sidecar(replace(load_sidecar(bag), seed=seed), folder)
