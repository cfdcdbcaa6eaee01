"""The decoded weak images on disk: made once, keyed by the files that they are from."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from visuomotor.contracts import UInt8
from visuomotor.dataset.arrays import NpyWriter
from visuomotor.dataset.weak_files import read_image
from visuomotor.errors import DataError

IMAGES, INDEX = "images.npy", "index.json"
FORMAT = 1
"""Raised when the meaning of a cached array changes; older caches are then not found."""
_AT_ONCE = 512

Files = Mapping[str, Sequence[Path]]
"""By label."""


def decoded_files(
    files: Files,
    size: tuple[int, int],
    aspect: float,
    cache: Path,
    progress: Callable[[int, int], None],
) -> Path:
    """The folder below `cache` with the images of all files; made if it is not there yet.

    IMAGES (N, H, W, 3) holds those that could be read, label by label; INDEX, as JSON: `kept`,
    label and name of each, and `skipped`, label/name and reason of the others. Raises DataError
    where nothing can be written.
    """
    where = cache / f"weak-{size[0]}x{size[1]}-{_key(files, size, aspect)}"
    if not where.is_dir():
        _fill(where, files, size, aspect, progress)
    return where


def _key(files: Files, size: tuple[int, int], aspect: float) -> str:
    digest = hashlib.blake2b(digest_size=12)
    digest.update(json.dumps([FORMAT, size, round(aspect, 6), list(files)]).encode())
    for label, paths in files.items():
        for path in paths:
            stat = path.stat()
            line = f"\n{label}/{path.name} {stat.st_size} {stat.st_mtime_ns}"
            digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _fill(
    where: Path,
    files: Files,
    size: tuple[int, int],
    aspect: float,
    progress: Callable[[int, int], None],
) -> None:
    """Decodes all files into a new folder, which takes its place only when it is complete."""
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".weak-", dir=where.parent))
    except OSError as error:
        raise DataError(
            f"{where.parent}: no cache can be made here ({error}); copy the images to a folder "
            "that can be written to"
        ) from error
    try:
        _decode(building, files, size, aspect, progress)
        with contextlib.suppress(OSError):  # another process was first: its array is equal
            os.replace(building, where)
    except OSError as error:
        raise DataError(
            f"{where.parent}: cannot keep the decoded images: {error}; free disk space"
        ) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _decode(
    building: Path,
    files: Files,
    size: tuple[int, int],
    aspect: float,
    progress: Callable[[int, int], None],
) -> None:
    index: dict[str, list[tuple[str, str]]] = {"kept": [], "skipped": []}
    total, done = sum(map(len, files.values())), 0
    with NpyWriter(building / IMAGES) as writer:
        for label, paths in files.items():
            for path, image in _read_all(paths, size, aspect):
                done += 1
                if isinstance(image, str):
                    index["skipped"].append((f"{label}/{path.name}", image))
                else:
                    writer.append(image)
                    index["kept"].append((label, path.name))
                if done % _AT_ONCE == 0 or done == total:
                    progress(done, total)
    (building / INDEX).write_text(json.dumps(index))


def _read_all(
    paths: Sequence[Path], size: tuple[int, int], aspect: float
) -> Iterator[tuple[Path, UInt8 | str]]:
    """Every path with what was read, in order; OpenCV decodes in as many threads as there are."""
    with ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), _AT_ONCE):
            part = paths[start : start + _AT_ONCE]
            yield from zip(
                part, pool.map(lambda path: read_image(path, size, aspect), part), strict=True
            )
