"""Weakly labelled images as one array: decoded once, then mapped from a file beside them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import UInt8
from visuomotor.dataset.weak_cache import IMAGES, INDEX, decoded_files
from visuomotor.dataset.weak_files import Labels, find_images, find_labels
from visuomotor.errors import DataError

CACHE = ".cache"
UNEVEN = 2.0
"""So many times as many images of one label as of the other are worth a word."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class WeakImages:
    """N images of two labels.

    labels: that of images with the object of interest first. images (N, H, W, 3) uint8 RGB, behind
    a memory map. positive (N,): of the first label. names: of the files, below the folder.
    skipped: name and reason of those that could not be used. key: of the files that they are from.
    """

    labels: Labels
    images: UInt8
    positive: NDArray[np.bool_]
    names: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    key: str = ""

    def __len__(self) -> int:
        return len(self.positive)

    @property
    def counts(self) -> tuple[int, int]:
        """Images of each label."""
        positive = int(self.positive.sum())
        return positive, len(self) - positive

    @property
    def summary(self) -> str:
        """How many there are of each label, and how many were skipped, in one line."""
        counted = [f"{n} {name!r}" for n, name in zip(self.counts, self.labels, strict=True)]
        return f"{' and '.join(counted)} ({len(self.skipped)} skipped)"

    def thinned(self, count: int) -> WeakImages:
        """So many of them in all, half of each label, evenly spread over the files by name.

        Raises DataError if a label has not as many.
        """
        rows = []
        for positive in (True, False):
            there = np.flatnonzero(self.positive == positive)
            wished = count // 2
            if not 1 <= wished <= len(there):
                raise DataError(
                    f"weak images: got {len(there)} of {self.labels[1 - positive]!r}, expected "
                    f"{max(wished, 1)} for {count} in all; collect more, or ask for 2 or more "
                    "of those there are"
                )
            rows.append(there[np.linspace(0, len(there) - 1, wished).round().astype(np.int64)])
        chosen = np.sort(np.concatenate(rows))
        return replace(
            self,
            images=self.images[chosen],
            positive=self.positive[chosen],
            names=tuple(self.names[i] for i in chosen),
        )


def read_weak_images(
    folder: Path,
    size: tuple[int, int],
    labels: Labels | None = None,
    aspect: float | None = None,
    cache_dir: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> WeakImages:
    """The images `<folder>/<label>/*.png` (or .jpg, .jpeg, .bmp, .webp) at size (H, W).

    labels: that of the images with the object of interest, then the other's; see `find_labels`.
    aspect: width to height of the part of each image that is kept, about its middle; without it W
    to H. Broken images are named with the reason, and skipped. They are decoded once into
    `cache_dir` (`<folder>/.cache`), keyed by the files' names, sizes and times. progress: called
    with (done, total). Raises DataError for a folder without the labels, or a label without an
    image.
    """
    folder = Path(folder)
    aspect = size[1] / size[0] if aspect is None else aspect
    if min(size) < 1 or not aspect > 0:
        raise DataError(f"weak images: got size {size}, aspect {aspect}; expected positive numbers")
    labels = find_labels(folder, labels)
    files = {label: find_images(folder, label) for label in labels}
    cache = folder / CACHE if cache_dir is None else Path(cache_dir)
    where = decoded_files(files, size, aspect, cache, progress)
    found = _load(where, labels)
    for name, reason in found.skipped:
        _LOGGER.warning("weak images: skipped %s: %s", folder / name, reason)
    for label, count in zip(labels, found.counts, strict=True):
        if count == 0:
            of_label = [s for s in found.skipped if s[0].startswith(f"{label}/")]
            raise DataError(
                f"{folder / label}: none of {len(of_label)} images can be used (the first: "
                f"{': '.join(of_label[0])}); expected at least one"
            )
    if max(found.counts) >= UNEVEN * min(found.counts):
        _LOGGER.warning(
            "weak images: %s: uneven; batches hold as many of one label as of the other, so those "
            "of the rarer one are seen more often",
            found.summary,
        )
    return found


def _load(where: Path, labels: Labels) -> WeakImages:
    index = json.loads((where / INDEX).read_text())
    kept: list[tuple[str, str]] = index["kept"]
    images = np.zeros((0, 1, 1, 3), np.uint8)
    if kept:
        images = np.load(where / IMAGES, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    return WeakImages(
        labels,
        images,
        np.array([label == labels[0] for label, _ in kept], np.bool_),
        tuple(f"{label}/{name}" for label, name in kept),
        tuple((name, reason) for name, reason in index["skipped"]),
        where.name,
    )
