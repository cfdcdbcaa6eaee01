"""What the sides of the loaders' comparison share: the same windows, drawn and timed alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from visuomotor.bench.peers.sides import serve
from visuomotor.observations import CameraSpec, ObservationSpec

CAMERAS = ("front", "side")
SPEC = ObservationSpec(tuple(CameraSpec(name, depth=False) for name in CAMERAS))
Batch = dict[str, Tensor]
"""front, side (B, T, 3, H, W) float32 in [0, 1]; state, action (B, T, 10) float32."""
PREFETCH = 2
"""Batches that each worker makes ahead: torch's own default."""


class Loader(Protocol):
    """Windows of T steps of the same demonstrations, numbered alike: by episode, then by step."""

    def prepare(self) -> None:
        """Makes of the bags what this loader reads."""

    def open(self) -> int:
        """Opens it; how many windows there are."""

    def stream(self, rows: Iterable[list[int]], workers: int) -> Iterator[Any]:
        """Batches of these windows as this library's training loop gets them."""

    def ready(self, batch: Any) -> Batch:
        """The same as a network takes it."""


class Draws:
    """Batches of `count` window numbers, without end: every window once before any comes again."""

    def __init__(self, windows: int, count: int, seed: int) -> None:
        self.windows, self.count, self.seed = windows, count, seed

    def __iter__(self) -> Iterator[list[int]]:
        rng, left = np.random.default_rng(self.seed), np.zeros(0, np.int64)
        while True:
            while len(left) < self.count:
                left = np.concatenate([left, rng.permutation(self.windows)])
            yield left[: self.count].tolist()
            left = left[self.count :]


def torch_stream(
    dataset: Dataset[Any],
    rows: Iterable[list[int]],
    workers: int,
    collate: Callable[[Any], Any] | None = None,
) -> Iterator[Any]:
    """Batches of a map-style dataset by torch's DataLoader."""
    ahead = PREFETCH if workers else None
    return iter(
        DataLoader(
            dataset,
            batch_sampler=rows,
            num_workers=workers,
            prefetch_factor=ahead,
            collate_fn=collate,
        )
    )


def serve_loader(loader: Loader, batch: int, workers: int, seed: int) -> None:
    """Serves prepare, open, first, window and turn; one thread, besides the workers."""
    torch.set_num_threads(1)
    opened: dict[str, Any] = {}

    def prepare() -> float:
        start = time.perf_counter()
        loader.prepare()
        return time.perf_counter() - start

    def open_() -> dict[str, float]:
        start = time.perf_counter()
        windows = loader.open()
        seconds = time.perf_counter() - start
        opened["stream"] = loader.stream(Draws(windows, batch, seed), workers)
        return {"windows": windows, "seconds": seconds}

    def first(batches: int) -> float:
        """Windows per second of the first batches."""
        start = time.perf_counter()
        for _ in range(batches):
            loader.ready(next(opened["stream"]))
        return batches * batch / (time.perf_counter() - start)

    def window(number: int) -> dict[str, list[float]]:
        """What one window holds: images' means by step, and vectors of its first and last step."""
        found = loader.ready(next(loader.stream([[number]], 0)))
        means = {k: v[0].mean(dim=(1, 2, 3)).tolist() for k, v in found.items() if v.ndim == 5}
        ends = {k: v[0][[0, -1]].flatten().tolist() for k, v in found.items() if v.ndim == 3}
        return {**means, **ends}

    def turn(seconds: float, ready: bool) -> float:
        """Windows per second; what the workers made while others had their turn is not counted."""
        stream = opened["stream"]
        for _ in range(workers * PREFETCH):
            next(stream)
        start, done = time.perf_counter(), 0
        while done < 2 * batch or time.perf_counter() - start < seconds:
            found = next(stream)
            if ready:
                loader.ready(found)
            done += batch
        return done / (time.perf_counter() - start)

    def ready() -> dict[str, str]:
        """Says that everything is imported; how the images are decoded."""
        return {"decoder": getattr(loader, "decoder", "none")}

    commands = {"ready": ready, "prepare": prepare, "open": open_}
    serve({**commands, "first": first, "window": window, "turn": turn})
