"""Files that several processes of a study make and use together."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from visuomotor.errors import VisuomotorError
from visuomotor.recording import WriterConfig
from visuomotor.recording.catalogue import find_episodes
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.demos import write_demos

_waited_s = 0.0
_impatient = False
_PATIENCE_S = 2.0


class Busy(VisuomotorError):
    """What a cell needs is being made by another process."""


@contextlib.contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[bool]:
    """Holds a lock file for this process; yields False if it is taken and `wait` is False.

    The system lets it go when the process ends, however it ends. Raises Busy instead of waiting
    long where `be_impatient` was called.
    """
    global _waited_s
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        start_s = time.monotonic()
        try:
            if wait and _impatient:
                _lock_soon(file, path)
            else:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        finally:
            _waited_s += time.monotonic() - start_s
        yield True


def be_impatient(impatient: bool = True) -> None:
    """Whether from now on this process does not wait long for others: it has something to do."""
    global _impatient
    _impatient = impatient


def _lock_soon(file: IO[str], path: Path) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until_s:
                raise Busy(f"{path}: another process holds it; run it again to go on") from None
            time.sleep(0.1)


def waited_s() -> float:
    """How long this process has waited for other processes' locks, in all."""
    return _waited_s


def demonstrations(root: Path, sim: SimConfig, first_seed: int, count: int) -> Path:
    """A dataset of at least `count` successful demonstrations, in the order of their seeds.

    Grows by as many as are missing; a failed demonstration stays, labelled, and does not count.
    """
    with locked(root / ".lock"):
        made = len(find_episodes(root, sim.task, ("success", "failure"))) if root.exists() else 0
        world: SimWorld | None = None
        try:
            while len(_successes(root, sim.task)) < count:
                world = world or SimWorld(sim)
                missing = count - len(_successes(root, sim.task))
                seeds = range(first_seed + made, first_seed + made + missing)
                write_demos(world, root, seeds, WriterConfig())
                made += missing
        finally:
            if world is not None:
                world.close()
    return root


def _successes(root: Path, task: str) -> list[Path]:
    return find_episodes(root, task, ("success",)) if root.exists() else []


class Notes:
    """A small JSON file of what is known about work in progress."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def set(self, **values: Any) -> None:
        """Adds or replaces entries, on disk too."""
        self.values |= values
        self._path.parent.mkdir(parents=True, exist_ok=True)
        building = self._path.with_suffix(".tmp")
        building.write_text(json.dumps(self.values) + "\n")
        building.replace(self._path)

    def add(self, name: str, amount: float) -> None:
        """Adds to a number, which is 0 at first."""
        self.set(**{name: round(self.values.get(name, 0.0) + amount, 3)})
