"""Where pictures to label come from: folders of images, recorded bags, datasets of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from visuomotor.errors import ConfigError, DataError
from visuomotor.labelling.bag_frames import BagFrames
from visuomotor.labelling.images import SUFFIXES
from visuomotor.labelling.naming import file_identity, identity
from visuomotor.recording import find_episodes

PHONES_OWN = (".heic", ".heif")


@dataclass(frozen=True)
class Picture:
    """A picture that may be labelled, not read yet.

    identity: tells it from all others, in this run and in every other. source: the words for its
    file's name. where: for a person. read: its encoded bytes; DataError.
    """

    identity: str
    source: tuple[str, ...]
    where: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Sources:
    """How pictures are found: of a bag, a camera's (its name or topic; "": its only one's) frames,
    one every every_s seconds. leave_out: a folder whose pictures are no source, the labels' own.
    """

    camera: str = ""
    every_s: float = 2.0
    leave_out: Path | None = None
    frames: BagFrames = field(default_factory=BagFrames)

    def __post_init__(self) -> None:
        if not 0 < self.every_s < float("inf"):
            raise ConfigError(f"every_s: got {self.every_s:g}, expected seconds above 0")


def find_pictures(
    paths: Sequence[Path], sources: Sources, after: Callable[[int], None] = lambda _: None
) -> tuple[list[Picture], list[str]]:
    """The pictures below paths, each once, in order, and why others were left out.

    paths: image files, folders of them at any depth, bags, episodes and datasets. after: called
    with the number found so far. Raises DataError for a path that does not exist, or where there
    is nothing at all.
    """
    refused: list[str] = []
    found: dict[str, Picture] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"{path}: no such file or folder; expected images, bags or a dataset")
        if sources.leave_out and path.resolve().is_relative_to(sources.leave_out.resolve()):
            raise DataError(
                f"{path}: these pictures are labelled already; give the folder that they came from"
            )
        for picture in _pictures(path, sources, refused):
            found.setdefault(picture.identity, picture)
            after(len(found))
    if not found:
        why = f"; {refused[0]}" if refused else ""
        raise DataError(
            f"{', '.join(map(str, paths))}: no picture, expected {', '.join(SUFFIXES)} files, or "
            f"bags with a camera's images{why}"
        )
    return list(found.values()), refused


def _pictures(path: Path, sources: Sources, refused: list[str]) -> Iterator[Picture]:
    if path.is_file():
        yield from _of_files([path], path.parent, refused)
        return
    bags = find_episodes(path)
    for bag in bags:
        try:
            yield from _of_bag(bag, sources)
        except DataError as error:
            refused.append(str(error))
    if not bags:
        skipped = sources.leave_out.resolve() if sources.leave_out else None
        yield from _of_files(_files(path, skipped), path, refused)


def _files(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    """Every file below, by name, hidden ones and those in leave_out left out."""
    for root, folders, names in os.walk(folder):
        here = Path(root)
        folders[:] = sorted(
            n for n in folders if not n.startswith(".") and (here / n).resolve() != leave_out
        )
        yield from (here / n for n in sorted(names) if not n.startswith("."))


def _of_files(
    files: Sequence[Path] | Iterator[Path], root: Path, refused: list[str]
) -> Iterator[Picture]:
    others: dict[str, int] = {}
    first = Path(root.resolve().name)
    for file in files:
        suffix = file.suffix.lower()
        if suffix not in SUFFIXES:
            others[suffix] = others.get(suffix, 0) + 1
            continue
        try:
            key = file_identity(file)
        except OSError as error:
            refused.append(f"{file}: not readable: {error.strerror}")
            continue
        words = (first / file.relative_to(root)).with_suffix("").parts
        yield Picture(key, words, str(file), _reader(file))
    for suffix, n in others.items():
        why = "; convert them, or set the phone's camera to JPEG" if suffix in PHONES_OWN else ""
        refused.append(f"{root}: {n} {suffix or 'files without suffix'} left out{why}")


def _reader(file: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return file.read_bytes()
        except OSError as error:
            raise DataError(f"{file}: not readable: {error.strerror}") from error

    return read


def _of_bag(bag: Path, sources: Sources) -> Iterator[Picture]:
    frames = sources.frames
    topic, camera = frames.topic(bag, sources.camera)
    start_ns, _ = frames.span(bag)
    task = bag.resolve().parent.name if (bag / "episode.yaml").is_file() else ""
    for log_ns in frames.every(bag, topic, sources.every_s):
        at = f"{1e-9 * (log_ns - start_ns):.2f}s"
        words = tuple(w for w in (task, bag.resolve().name, camera, at) if w)

        def read(log_ns: int = log_ns) -> bytes:
            return frames.read(bag, topic, log_ns)

        yield Picture(identity(topic, str(log_ns)), words, f"{bag} {camera} at {at}", read)
