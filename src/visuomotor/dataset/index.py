"""What was read of a dataset's episodes before, so that opening it again reads none of the bags.

One small file in the cache. Everything in it can be made again: it may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visuomotor.recording import load_sidecar
from visuomotor.recording.sidecar import SIDECAR

INDEX = "episodes.json"
FORMAT = 1

Stamps = list[list[Any]]
"""Name, inode, size, time of change of the content and of the file itself, of some files."""


@dataclass(frozen=True)
class Labels:
    """What of an episode's sidecar decides whether and how it is opened."""

    task: str
    outcome: str
    tags: tuple[str, ...]
    trim_s: tuple[float, float] | None


@dataclass
class _Entry:
    """An episode: its sidecar and its bag as they were, and what was read from them."""

    sidecar: Stamps
    labels: Labels
    bag: Stamps
    keys: dict[str, str] = field(default_factory=dict)


class EpisodeIndex:
    """What is known of a dataset's episodes, kept in its cache.

    A file counts as unchanged while inode, size, and times of change are: the system sets the last
    of these at every write, and nobody can set it back.
    """

    def __init__(self, cache: Path) -> None:
        self._path = cache / INDEX
        self._entries = _read(self._path)
        self._seen: set[str] = set()
        self._changed = False

    def labels(self, episode: Path) -> Labels:
        """An episode's labels; DataError names a sidecar that is unreadable."""
        return self._entry(episode).labels

    def key(self, episode: Path, of: str, make: Callable[[], str]) -> str:
        """What `make` returned for this bag and trim when it was last asked for `of`."""
        entry = self._entry(episode)
        if of not in entry.keys:
            entry.keys[of] = make()
            self._changed = True
        return entry.keys[of]

    def save(self) -> None:
        """Replaces the file if anything changed; a folder that cannot be written to is let be."""
        if not self._changed and self._seen == set(self._entries):
            return
        episodes = {
            name: [e.sidecar, vars(e.labels), e.bag, e.keys]
            for name, e in self._entries.items()
            if name in self._seen
        }
        temporary = self._path.with_name(f".{INDEX}.{os.getpid()}")
        with contextlib.suppress(OSError):
            temporary.write_text(json.dumps({"format": FORMAT, "episodes": episodes}))
            temporary.replace(self._path)

    def _entry(self, episode: Path) -> _Entry:
        name = f"{episode.parent.name}/{episode.name}"  # the same when the dataset is moved
        known = self._entries.get(name)
        if name in self._seen and known is not None:
            return known
        self._seen.add(name)
        sidecar, bag = _stamps(episode)
        if known is None or known.sidecar != sidecar or known.bag != bag:
            s = load_sidecar(episode)
            labels = Labels(s.task, s.outcome, s.tags, s.trim_s)
            same = known is not None and known.bag == bag and known.labels.trim_s == s.trim_s
            keys = known.keys if known is not None and same else {}
            known = self._entries[name] = _Entry(sidecar, labels, bag, keys)
            self._changed = True
        return known


def _stamps(episode: Path) -> tuple[Stamps, Stamps]:
    """Of the sidecar, and of the files of the bag that hold messages."""
    sidecar: Stamps = []
    bag: Stamps = []
    with os.scandir(episode) as entries:
        for entry in entries:
            if entry.name == SIDECAR or entry.name.endswith((".mcap", ".db3")):
                s = entry.stat()
                stamp = [entry.name, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns]
                (sidecar if entry.name == SIDECAR else bag).append(stamp)
    return sidecar, sorted(bag)


def _read(path: Path) -> dict[str, _Entry]:
    """The file's episodes; none if it is missing, damaged or of old."""
    try:
        values = json.loads(path.read_text())
        if values["format"] != FORMAT:
            return {}
        return {name: _entry_of(*entry) for name, entry in values["episodes"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _entry_of(sidecar: Stamps, labels: dict[str, Any], bag: Stamps, keys: dict[str, str]) -> _Entry:
    trim = labels["trim_s"]
    found = Labels(
        str(labels["task"]),
        str(labels["outcome"]),
        tuple(labels["tags"]),
        None if trim is None else (float(trim[0]), float(trim[1])),
    )
    return _Entry(sidecar, found, bag, dict(keys))
