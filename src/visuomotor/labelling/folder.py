"""The folder of labelled pictures: `<folder>/<label>/<source>-<identity>.jpg`, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from visuomotor.errors import ConfigError, DataError
from visuomotor.labelling.images import SUFFIXES, suffix_of
from visuomotor.labelling.naming import identity_in, stem


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels, each good for the name of a folder; ConfigError if one is not."""
    for label in labels:
        plain = label and label == label.strip() and label.isprintable()
        if not plain or label.startswith(".") or set(label) & set('/\\:*?"<>|') or len(label) > 60:
            raise ConfigError(
                f"labels: got {label!r}, expected a word that can name a folder, such as with"
            )
    if len({label.casefold() for label in labels}) != len(labels):
        raise ConfigError(f"labels: got {', '.join(labels)}, expected different ones")
    return tuple(labels)


def images_in(folder: Path) -> list[Path]:
    """The pictures that lie in a folder itself, by name; hidden files are none."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        found = [e.name for e in entries if e.is_file() and not e.name.startswith(".")]
    return [folder / n for n in sorted(found) if Path(n).suffix.lower() in SUFFIXES]


class LabelFolder:
    """Puts pictures below their labels' folders, whole or not at all, and overwrites none.

    It knows again what it, or an earlier run, has put there. Raises DataError for a disk that is
    full or read-only. Not thread-safe.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_dir():
            raise DataError(f"{path}: a file, expected a folder, or a name that is free")
        self.path = path
        self._placed: dict[str, Path] = {}
        for label in self.labels():
            for file in images_in(path / label):
                if (picture := identity_in(file.stem)) is not None:
                    self._placed.setdefault(picture, file)

    def labels(self) -> list[str]:
        """Those that have a folder."""
        if not self.path.is_dir():
            return []
        folders = [p.name for p in self.path.iterdir() if p.is_dir()]
        return sorted(n for n in folders if not n.startswith("."))

    def counts(self) -> dict[str, int]:
        """Pictures per label as they lie there now."""
        return {label: len(images_in(self.path / label)) for label in self.labels()}

    def label_of(self, picture: str) -> str | None:
        """The label of a picture, by its identity; None if it has none."""
        placed = self._placed.get(picture)
        return placed.parent.name if placed else None

    def add(self, picture: str, source: Sequence[str], data: bytes, label: str) -> Path:
        """Writes an encoded picture that is not there yet; returns its file.

        source: the words before the identity in its name.
        """
        check_labels([label])
        if (known := self._placed.get(picture)) is not None:
            raise DataError(f"{known}: this picture is there already; it was not written again")
        name = stem(source, picture) + suffix_of(data, "/".join(source))
        target = self.path / label / name
        try:
            _write(target, data)
        except OSError as error:
            raise _cannot(target, error) from error
        self._placed[picture] = target
        return target

    def move(self, picture: str, label: str) -> Path:
        """Gives a picture another label; returns where it is now."""
        check_labels([label])
        source = self._placed[picture]
        target = self.path / label / source.name
        try:
            if target.exists():
                raise FileExistsError(f"{target.name} is in both folders")
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)
        except OSError as error:
            raise _cannot(target, error) from error
        self._placed[picture] = target
        return target

    def remove(self, picture: str) -> None:
        """Takes a picture out again."""
        try:
            self._placed[picture].unlink(missing_ok=True)
        except OSError as error:
            raise _cannot(self._placed[picture], error) from error
        del self._placed[picture]


def _write(target: Path, data: bytes) -> None:
    """A hidden file until all of it is there: what is killed leaves no half picture."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(data)
        try:
            os.link(partial, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links, such as a memory card's
            if target.exists():
                raise FileExistsError(f"{target.name} is there already") from None
            os.rename(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _cannot(target: Path, error: OSError) -> DataError:
    return DataError(
        f"{target}: not written: {error.strerror or error}; what was labelled before is kept: "
        "free disk space or give another folder, then label it again"
    )
