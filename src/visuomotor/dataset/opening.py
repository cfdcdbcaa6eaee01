"""Many episodes at once: what is not cached is decoded, the rest comes from one file."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from visuomotor.dataset.arrays import EpisodeArrays, episode_arrays, load_steps
from visuomotor.dataset.cache import cache_key, fill_cache, spec_key
from visuomotor.dataset.index import EpisodeIndex
from visuomotor.dataset.table import StepTable, open_table, save_table
from visuomotor.observations import ObservationSpec

Progress = Callable[[int, int], None]


def open_episodes(
    paths: Sequence[Path],
    spec: ObservationSpec,
    cache: Path,
    index: EpisodeIndex,
    progress: Progress | None = None,
) -> list[EpisodeArrays]:
    """The episodes' arrays, in their order; DataError names one that cannot be decoded.

    progress: called with how many are decoded, of how many, after each.
    """
    of = spec_key(spec)
    names = [f"{path.name}-{index.key(path, of, partial(cache_key, path, spec))}" for path in paths]
    there = _folders(cache)
    waiting = [(p, n) for p, n in zip(paths, names, strict=True) if n not in there]
    for left in _decoded(waiting, spec, cache):
        if progress is not None:
            progress(len(paths) - left, len(paths))
    if progress is not None and not waiting:
        progress(len(paths), len(paths))
    index.save()
    table = _table(cache / f"steps-{of}.table", names, cache)
    return [
        episode_arrays(
            path.name,
            f"{cache}/{name}",
            table.arrays(name) if name in table else load_steps(cache / name),
            spec,
        )
        for path, name in zip(paths, names, strict=True)
    ]


def _decoded(
    waiting: Sequence[tuple[Path, str]], spec: ObservationSpec, cache: Path
) -> Iterator[int]:
    """Decodes them; yields how many are left. What other processes are at is left to the last."""
    left, patient = list(waiting), False
    while left:
        busy = []
        for done, (path, name) in enumerate(left, 1):
            with _held(path, wait=patient) as mine:
                if not mine:
                    busy.append((path, name))
                    continue
                fill_cache(path, spec, cache, cache / name)
            patient = False
            yield len(left) - done + len(busy)
        patient, left = True, busy


@contextlib.contextmanager
def _held(episode: Path, wait: bool) -> Iterator[bool]:
    """Holds an episode for this process; False if another has it and `wait` is False.

    Where folders cannot be locked, processes do the same work beside one another.
    """
    try:
        folder = os.open(episode, os.O_RDONLY)
    except OSError:
        yield True
        return
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass
        yield True
    finally:
        os.close(folder)


def _table(path: Path, names: Sequence[str], cache: Path) -> StepTable:
    """The table with these episodes, added if they are missing and it can be written to."""
    table = open_table(path)
    missing = [name for name in names if name not in table]
    if not missing:
        return table
    there, wanted = _folders(cache), set(names)
    others = [name for name in table if name in there and name not in wanted]
    episodes = [
        (name, table.arrays(name) if name in table else load_steps(cache / name))
        for name in (*dict.fromkeys(names), *others)
    ]
    with contextlib.suppress(OSError):
        save_table(path, episodes)
        return open_table(path)
    return table


def _folders(cache: Path) -> set[str]:
    """The cache's folders by name."""
    try:
        with os.scandir(cache) as entries:
            return {e.name for e in entries if e.is_dir()}
    except FileNotFoundError:
        return set()
