"""What a folder of labelled pictures holds, picture by picture."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from visuomotor.errors import DataError
from visuomotor.labelling.folder import LabelFolder, images_in
from visuomotor.labelling.images import decode
from visuomotor.labelling.likeness import look_hash, near_groups
from visuomotor.labelling.naming import identity_in

Size = tuple[int, int]
"""Width and height, px, upright."""


@dataclass(frozen=True)
class LabelReport:
    """One label: its pictures that can be read, their sizes, and groups that look the same."""

    images: int
    sizes: dict[Size, int]
    alike: tuple[tuple[str, ...], ...]

    @property
    def distinct(self) -> int:
        """Pictures, near duplicates counted once."""
        return self.images - sum(len(group) - 1 for group in self.alike)


@dataclass(frozen=True)
class FolderReport:
    """All labels; broken: file -> why; twice: files of one picture that has several labels;
    ignored: what lies in the folder and is no labelled picture.
    """

    path: Path
    labels: dict[str, LabelReport]
    broken: dict[str, str]
    twice: tuple[tuple[str, ...], ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class _Seen:
    name: str
    size: Size
    look: int
    same: frozenset[str]
    """Equal for pictures that are one: by their pixels, or by the labeller's identity."""


def check_folder(
    path: Path, after: Callable[[int, int], None] = lambda done, total: None
) -> FolderReport:
    """Reads every picture; `after` is told how many of how many. DataError for no such folder."""
    if not path.is_dir():
        raise DataError(f"{path}: no such folder; expected <folder>/<label>/*.jpg")
    names = LabelFolder(path).labels()
    files = {label: images_in(path / label) for label in names}
    if not any(files.values()):
        raise DataError(f"{path}: no labelled picture; expected <folder>/<label>/*.jpg")
    total, done = sum(map(len, files.values())), 0
    broken: dict[str, str] = {}
    labels: dict[str, LabelReport] = {}
    of: dict[str, dict[str, str]] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1, "check") as pool:
        for label, some in files.items():
            seen: list[_Seen] = []
            for file, one in zip(some, pool.map(_look, some), strict=True):
                if isinstance(one, DataError):
                    broken[f"{label}/{file.name}"] = str(one).removeprefix(f"{file}: ")
                else:
                    seen.append(one)
                    for key in one.same:
                        of.setdefault(key, {}).setdefault(label, f"{label}/{file.name}")
                done += 1
                after(done, total)
            labels[label] = _report(seen)
    twice = {tuple(files.values()) for files in of.values() if len(files) > 1}
    return FolderReport(path, labels, broken, tuple(sorted(twice)), tuple(_ignored(path, files)))


def _look(file: Path) -> _Seen | DataError:
    try:
        rgb = decode(file.read_bytes(), str(file))
    except DataError as error:
        return error
    except OSError as error:
        return DataError(f"{file}: not readable: {error.strerror}")
    height, width = rgb.shape[:2]
    same = {hashlib.sha256(f"{width} ".encode() + rgb.tobytes()).hexdigest()}
    if (picture := identity_in(file.stem)) is not None:
        same.add(picture)
    return _Seen(file.name, (width, height), look_hash(rgb), frozenset(same))


def _report(seen: list[_Seen]) -> LabelReport:
    groups = near_groups([one.look for one in seen])
    alike = tuple(tuple(seen[i].name for i in group) for group in groups)
    return LabelReport(len(seen), dict(Counter(one.size for one in seen).most_common()), alike)


def _ignored(path: Path, files: dict[str, list[Path]]) -> Iterator[str]:
    """What training will not read: pictures outside a label's folder, and other files."""
    pictures = {p for some in files.values() for p in some}
    for entry in sorted(path.rglob("*")):
        relative = entry.relative_to(path)
        hidden = any(part.startswith(".") for part in relative.parts)
        if entry.is_file() and not hidden and entry not in pictures:
            yield str(relative)
