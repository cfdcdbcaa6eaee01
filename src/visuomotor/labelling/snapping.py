"""Live images put under a label, each a file of its own."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime, timezone

from visuomotor.contracts import UInt8
from visuomotor.errors import DataError
from visuomotor.labelling.folder import LabelFolder
from visuomotor.labelling.images import reduced
from visuomotor.labelling.naming import identity
from visuomotor.recording.compression import ColorFormat, compress_color


class Snapper:
    """Writes images below a LabelFolder, and overwrites none.

    longest_px: larger ones are made smaller; 0: none is. min_free_mb: so much of the disk is left
    for others.
    """

    def __init__(
        self, folder: LabelFolder, color: ColorFormat, longest_px: int, min_free_mb: float
    ) -> None:
        self._folder, self._color = folder, color
        self._longest_px, self._min_free_mb = longest_px, min_free_mb

    def snap(self, images: Mapping[str, UInt8], label: str, now_ns: int) -> str:
        """Writes (H, W, 3) RGB images, named by camera and UTC; says how many there are now.

        Raises DataError for a full disk, and where every image was written before.
        """
        self._check_disk()
        at = datetime.fromtimestamp(now_ns // 10**9, timezone.utc).strftime("%Y%m%dT%H%M%S")
        known = {
            camera: identity(camera, str(i.shape), i.tobytes()) for camera, i in images.items()
        }
        fresh = [camera for camera, i in known.items() if self._folder.label_of(i) is None]
        if not fresh:
            raise DataError(
                f"nothing was written: {', '.join(images)} show exactly what is there already as "
                f"{self._folder.label_of(next(iter(known.values())))}; move something"
            )
        for camera in fresh:
            rgb = reduced(images[camera], self._longest_px) if self._longest_px else images[camera]
            words = (camera, f"{at}.{now_ns // 10**6 % 1000:03d}Z")
            self._folder.add(known[camera], words, compress_color(rgb, self._color), label)
        counts = ", ".join(f"{n} {name}" for name, n in self._folder.counts().items())
        return f"{label}: {', '.join(fresh)}; {self._folder.path} has {counts}"

    def _check_disk(self) -> None:
        there = next(p for p in (self._folder.path, *self._folder.path.parents) if p.exists())
        free_mb = shutil.disk_usage(there).free / 1e6
        if free_mb < self._min_free_mb:
            raise DataError(
                f"{self._folder.path}: nothing was written, {free_mb:.0f} MB are free and "
                f"min_free_mb is {self._min_free_mb:.0f}: free disk space"
            )
