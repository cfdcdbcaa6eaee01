"""What opening a dataset costs a process that was just started."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from visuomotor.bench.scale.datasets import SPEC
from visuomotor.dataset import open_dataset

LENGTH, BATCH = 8, 32


def fresh(root: Path, batches: int) -> dict[str, float]:
    """Seconds and MB of opening a dataset and its windows in a new process, without its imports.

    open_s, reopen_s: the same process again. windows_s. Memory beyond what the process had before:
    `opened_*` with the windows, `read_*` after so many random batches; `private` is its own,
    `mapped` are pages of files, which the system takes back when it needs them.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(_probe, root, batches).result()


def _probe(root: Path, batches: int) -> dict[str, float]:
    before = memory_mb()
    start = time.perf_counter()
    dataset = open_dataset(root, SPEC)
    open_s = time.perf_counter() - start
    start = time.perf_counter()
    windows = dataset.windows(LENGTH)
    windows_s = time.perf_counter() - start
    opened = memory_mb()
    start = time.perf_counter()
    open_dataset(root, SPEC)
    reopen_s = time.perf_counter() - start
    rng = np.random.default_rng(0)
    for _ in range(batches):
        windows.batch(rng.integers(0, len(windows), BATCH))
    read = memory_mb()
    return {
        "open_s": open_s,
        "windows_s": windows_s,
        "reopen_s": reopen_s,
        **{f"opened_{k}_mb": opened[k] - before[k] for k in before},
        **{f"read_{k}_mb": read[k] - before[k] for k in before},
    }


def memory_mb() -> dict[str, float]:
    """This process's share of memory: in all (PSS), private, and of mapped files. Linux alone."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    kb = {name: int(rest.split()[0]) for name, rest in (x.split(":") for x in lines)}
    named = {"pss": "Pss", "private": "Pss_Anon", "mapped": "Pss_File"}
    return {k: kb[v] / 1024 for k, v in named.items()}
