"""The catalogue of a dataset's episodes: find, describe, relabel, trim, put away.

Bags are never changed: everything here edits the sidecar or moves the folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from visuomotor.errors import DataError
from visuomotor.recording.bag import PARTIAL
from visuomotor.recording.bag_reader import open_bag
from visuomotor.recording.sidecar import (
    LONGEST_S,
    OUTCOMES,
    Outcome,
    Sidecar,
    load_sidecar,
    save_sidecar,
)

TRASH = ".trash"


@dataclass(frozen=True)
class EpisodeInfo:
    """One line of the catalogue."""

    path: Path
    sidecar: Sidecar
    bytes: int


class Labelled(Protocol):
    """What episodes are chosen by; a sidecar is one."""

    @property
    def task(self) -> str:
        """What was shown."""

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Whatever somebody noted."""


def find_episodes(
    root: Path | str,
    task: str | None = None,
    outcomes: Iterable[str] | None = None,
    tag: str | None = None,
    read: Callable[[Path], Labelled] = load_sidecar,
) -> list[Path]:
    """The finished episodes below `root` (a dataset, a task's folder or one episode), by name.

    read: how an episode's labels are found. Raises DataError if `root` is no folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; expected a dataset with <task>/<episode>/")
    wanted = None if outcomes is None else set(outcomes)
    found = []
    for path in _folders(root):
        if path.name.endswith(PARTIAL) or not (path / "metadata.yaml").is_file():
            continue
        if task is None and wanted is None and tag is None:
            found.append(path)
            continue
        sidecar = read(path)
        if (
            (task is None or sidecar.task == task)
            and (wanted is None or sidecar.outcome in wanted)
            and (tag is None or tag in sidecar.tags)
        ):
            found.append(path)
    return found


def find_partial(root: Path | str) -> list[Path]:
    """The unfinished episodes below `root`: being recorded, or left by a killed recorder."""
    return [p for p in _folders(Path(root)) if p.name.endswith(PARTIAL)]


def info(episode: Path | str) -> EpisodeInfo:
    """An episode's sidecar and size; DataError if it is none."""
    episode = _existing(episode)
    size = sum(f.stat().st_size for f in episode.iterdir() if f.is_file())
    return EpisodeInfo(episode, load_sidecar(episode), size)


def table(root: Path | str, task: str | None = None) -> str:
    """The episodes below `root` as text, one a line, unfinished ones last."""
    lines = [f"{'episode':<40} {'outcome':<8} {'sets':>5} {'s':>6} {'MB':>7}  cameras, tags"]
    for path in find_episodes(root, task):
        item = info(path)
        s = item.sidecar
        extra = ", ".join((*s.cameras, *s.tags, *(("trimmed",) if s.trim_s else ())))
        name = f"{path.parent.name}/{path.name}"
        lines.append(
            f"{name:<40} {s.outcome:<8} {s.sets:>5} {s.duration_s:>6.1f} "
            f"{item.bytes / 1e6:>7.1f}  {extra}"
        )
    for path in find_partial(root):
        lines.append(f"{path.parent.name}/{path.name}: unfinished; `visuomotor episodes repair`")
    return "\n".join(lines)


def describe(episode: Path | str) -> str:
    """Everything about one episode as text: sidecar, then the bag's topics and counts."""
    item = info(episode)
    s = item.sidecar
    lines = [
        f"{item.path}  ({item.bytes / 1e6:.1f} MB)",
        f"task {s.task}, outcome {s.outcome}, {s.sets} sets in {s.duration_s:.1f} s, {s.utc}",
        f"operator {s.operator or '-'}, tags {', '.join(s.tags) or '-'}, trim {used(s)}",
        f"calibration {s.calibration or '-'}, software {s.commit or '-'}",
        f"drops {s.drops or 'none'}; skew p95 ms {s.skew_ms or '-'}",
    ]
    with open_bag(item.path) as bag:
        for topic, msgtype in sorted(bag.topics.items()):
            rate = s.rates_hz.get(topic)
            hz = "" if rate is None else f"{rate:7.2f} Hz"
            lines.append(f"  {topic:<44} {msgtype:<36} {bag.count(topic):>6} {hz}")
    lines += [f"  marker {m.name} at {m.stamp_ns}" for m in s.markers]
    return "\n".join(lines)


def used(sidecar: Sidecar) -> str:
    """What of the episode is used, "-" for all of it.

    >>> used(Sidecar("lift", trim_s=(1.0, 2.5))), used(Sidecar("lift", trim_s=(1.0, LONGEST_S)))
    ('1 to 2.5 s', '1 s to its end')
    """
    if sidecar.trim_s is None:
        return "-"
    start, end = sidecar.trim_s
    return f"{start:g} s to its end" if end == LONGEST_S else f"{start:g} to {end:g} s"


def trim(episode: Path | str, start_s: float | None, end_s: float | None) -> Sidecar:
    """Uses only [start_s, end_s] after the first set from now on; both None: all of it again."""
    episode = _existing(episode)
    sidecar = load_sidecar(episode)
    span = None
    if start_s is not None and end_s is None and 0 < sidecar.duration_s <= start_s:
        raise DataError(
            f"{episode}: got a start at {start_s:g} s, expected one before its end at "
            f"{sidecar.duration_s:g} s"
        )
    if start_s is not None or end_s is not None:
        span = (start_s or 0.0, LONGEST_S if end_s is None else end_s)
    try:
        changed = replace(sidecar, trim_s=span)
    except ValueError as error:
        raise DataError(f"{episode}: {error}") from error
    save_sidecar(changed, episode)
    return changed


def label(
    episode: Path | str,
    outcome: Outcome | None = None,
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    operator: str | None = None,
) -> Sidecar:
    """Changes what is said about an episode; DataError for an unknown outcome."""
    episode = _existing(episode)
    sidecar = load_sidecar(episode)
    if outcome is not None and outcome not in OUTCOMES:
        raise DataError(f"outcome: got {outcome!r}, expected one of {', '.join(OUTCOMES)}")
    removed = set(remove_tags)
    tags = dict.fromkeys((*sidecar.tags, *add_tags))
    changed = replace(
        sidecar,
        outcome=outcome or sidecar.outcome,
        tags=tuple(t for t in tags if t not in removed),
        operator=sidecar.operator if operator is None else operator,
    )
    save_sidecar(changed, episode)
    return changed


def discard(episode: Path | str) -> Path:
    """Moves an episode to `.trash/` beside the tasks' folders; returns where it is now."""
    episode = _existing(episode).resolve()
    target = episode.parent.parent / TRASH / episode.parent.name / episode.name
    return _move(episode, target)


def restore(episode: Path | str) -> Path:
    """Moves a discarded episode (its path inside `.trash/`) back; returns where it is now."""
    episode = _existing(episode).resolve()
    trash = episode.parent.parent
    if trash.name != TRASH:
        raise DataError(f"{episode}: not in {TRASH}/; expected <dataset>/{TRASH}/<task>/<episode>")
    return _move(episode, trash.parent / episode.parent.name / episode.name)


def discarded(root: Path | str) -> list[Path]:
    """What `restore` can bring back."""
    trash = Path(root) / TRASH
    return sorted(p for p in trash.glob("*/*") if p.is_dir())


def _folders(root: Path) -> Iterator[Path]:
    """`root` itself, or the folders one and two levels below it, hidden ones left out."""
    if (root / "metadata.yaml").is_file():
        yield root
        return
    children = [p for p in sorted(root.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    for child in children:
        if (child / "metadata.yaml").is_file() or child.name.endswith(PARTIAL):
            yield child
            continue
        for p in sorted(child.iterdir()):
            if p.is_dir() and not p.name.startswith("."):
                yield p


def _existing(episode: Path | str) -> Path:
    episode = Path(episode)
    if not (episode / "metadata.yaml").is_file():
        raise DataError(
            f"{episode}: no finished episode (metadata.yaml is missing); "
            "`visuomotor episodes list` shows what exists"
        )
    return episode


def _move(source: Path, target: Path) -> Path:
    if target.exists():
        raise DataError(f"{target} exists already; move it away first")
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)
    return target
