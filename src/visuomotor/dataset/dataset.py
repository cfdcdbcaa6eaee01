"""A folder of episodes as a dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.dataset.index import EpisodeIndex
from visuomotor.dataset.opening import open_episodes
from visuomotor.dataset.windows import Windows
from visuomotor.errors import DataError
from visuomotor.observations import ObservationSpec
from visuomotor.recording.catalogue import find_episodes

CACHE = ".cache"


@dataclass(frozen=True)
class Dataset:
    """Episodes seen through one spec; tags: of each episode, or none of any."""

    spec: ObservationSpec
    episodes: list[EpisodeArrays]
    tags: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def steps(self) -> int:
        """Steps of all episodes together."""
        return sum(len(e) for e in self.episodes)

    def windows(
        self,
        length: int,
        stride: int = 1,
        pad_before: int = 0,
        pad_after: int = 0,
        cameras: Sequence[str] | None = None,
        depth: bool = True,
    ) -> Windows:
        """All windows of `length` steps; see `Windows`."""
        return Windows(self.episodes, length, stride, pad_before, pad_after, cameras, depth)

    def subset(self, episodes: Sequence[int]) -> Dataset:
        """The dataset of some episodes, by number."""
        tags = tuple(self.tags[i] for i in episodes) if self.tags else ()
        return Dataset(self.spec, [self.episodes[i] for i in episodes], tags)

    def split(self, fraction: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Two datasets of whole episodes; the second has `fraction` of them, at least one."""
        if len(self) < 2 or not 0 < fraction < 1:
            raise DataError(
                f"split: got {len(self)} episodes and fraction {fraction}, "
                "expected at least 2 and a fraction between 0 and 1"
            )
        held = min(max(round(fraction * len(self)), 1), len(self) - 1)
        order = np.random.default_rng(seed).permutation(len(self))
        return self.subset(sorted(order[held:])), self.subset(sorted(order[:held]))


def open_dataset(
    root: Path | str,
    spec: ObservationSpec,
    cache_dir: Path | str | None = None,
    task: str | None = None,
    outcomes: Sequence[str] = ("success", "unknown"),
    episodes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Opens the episodes of a dataset, decoding each once into `cache_dir` (`<root>/.cache`).

    Processes that open it at the same time share the decoding. Opened again it costs the time to
    look whether any bag or sidecar changed (docs/scale.md).

    task: only this one. outcomes: which are taken; failures are left out by default. episodes:
    only the first so many, to see how much a method needs.
    progress: called with (done, total) after each episode. Raises DataError naming the episode
    for a damaged bag, a missing camera or depth, values that are not finite, or if there are none
    or too few.
    """
    root = Path(root)
    cache = Path(cache_dir) if cache_dir is not None else root / CACHE
    index = EpisodeIndex(cache)
    paths = find_episodes(root, task, outcomes, read=index.labels)
    if not paths:
        what = f"task {task!r}" if task else "any task"
        raise DataError(
            f"{root}: no episode of {what} with outcome {' or '.join(outcomes)}; record some, or "
            "see `visuomotor episodes list`"
        )
    if episodes is not None:
        if not 1 <= episodes <= len(paths):
            raise DataError(
                f"{root}: got {len(paths)} episodes, expected at least the {episodes} asked for; "
                "record more, or ask for 1 or more that are there"
            )
        paths = paths[:episodes]
    tags = tuple(index.labels(path).tags for path in paths)
    return Dataset(spec, open_episodes(paths, spec, cache, index, progress), tags)
