"""A dataset's episodes for a page: listed, relabelled, put into the trash, brought back."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visuomotor.errors import DataError, unknown_name
from visuomotor.recording import (
    discard,
    discarded,
    find_episodes,
    find_partial,
    info,
    label,
    restore,
)

_Key = tuple[int, int]


class EpisodeList:
    """Lists and changes what is below `dataset`; only names that it lists can be changed.

    Thread-safe. A sidecar is read again when its file or its folder has changed.
    """

    def __init__(self, dataset: Path) -> None:
        self.dataset = dataset
        self._lock = threading.Lock()
        self._rows: dict[Path, tuple[_Key, dict[str, Any]]] = {}

    def rows(self) -> dict[str, Any]:
        """The newest first: episodes, those in the trash, those being recorded or unfinished."""
        with self._lock:
            if not self.dataset.is_dir():
                return {"dataset": str(self.dataset), "episodes": [], "trash": [], "partial": []}
            kept, gone = find_episodes(self.dataset), discarded(self.dataset)
            self._rows = {p: row for p, row in self._rows.items() if p in {*kept, *gone}}
            return {
                "dataset": str(self.dataset),
                "episodes": [self._row(p) for p in reversed(_by_time(kept))],
                "trash": [self._row(p) for p in reversed(_by_time(gone))],
                "partial": [_name(p) for p in find_partial(self.dataset)],
            }

    def change(self, name: str, change: str, outcome: str = "") -> str:
        """Does `label`, `discard` or `restore` to the episode TASK/NAME, and says what was done."""
        actions = {"label": self._label, "discard": self._discard, "restore": self._restore}
        if change not in actions:
            raise DataError(unknown_name("change", change, actions))
        with self._lock:
            return actions[change](name, outcome)

    def _label(self, name: str, outcome: str) -> str:
        label(_named(name, find_episodes(self.dataset)), outcome)  # type: ignore[arg-type]
        return f"{name}: {outcome}"

    def _discard(self, name: str, _: str) -> str:
        discard(_named(name, find_episodes(self.dataset)))
        return f"{name}: in the trash"

    def _restore(self, name: str, _: str) -> str:
        restore(_named(name, discarded(self.dataset)))
        return f"{name}: restored"

    def _row(self, path: Path) -> dict[str, Any]:
        key = _changed(path)
        known = self._rows.get(path)
        if known is None or known[0] != key:
            known = (key, _described(path))
            self._rows[path] = known
        return known[1]


def _described(path: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"name": _name(path)}
    try:
        item = info(path)
    except DataError as error:
        return {**row, "error": str(error)}
    s = item.sidecar
    return {
        **row,
        "task": s.task,
        "operator": s.operator,
        "outcome": s.outcome,
        "tags": s.tags,
        "sets": s.sets,
        "duration_s": round(s.duration_s, 1),
        "mb": round(item.bytes / 1e6, 1),
        "drops": sum(_counts(s.drops).values()),
        "utc": s.utc,
    }


def _counts(drops: Mapping[str, int]) -> dict[str, int]:
    return {reason: n for reason, n in drops.items() if n > 0}


def _changed(path: Path) -> _Key:
    def stamp(p: Path) -> int:
        return p.stat().st_mtime_ns if p.exists() else 0

    return stamp(path), stamp(path / "episode.yaml")


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _by_time(paths: list[Path]) -> list[Path]:
    return sorted(paths, key=lambda p: p.name)


def _named(name: str, paths: list[Path]) -> Path:
    found = [p for p in paths if _name(p) == name]
    if not found:
        raise DataError(f"episode {name!r}: not there any more; the list shows what is")
    return found[0]
