"""Files on disk: how large they are, and out of the page cache."""

from __future__ import annotations

import os
from pathlib import Path


def size_mb(*folders: Path) -> float:
    """What these folders and files hold on disk, in MB (10^6 bytes)."""
    return sum(f.stat().st_size for folder in folders for f in files_in(folder)) / 1e6


def files_in(folder: Path) -> list[Path]:
    """Every file at or below `folder`."""
    return [p for p in ([folder] if folder.is_file() else folder.rglob("*")) if p.is_file()]


def evict(*folders: Path) -> None:
    """Takes these folders' files out of the page cache, theirs alone, which needs no rights.

    What another process has mapped stays: call it before anyone opens them.
    """
    for folder in folders:
        for path in files_in(folder):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)  # what is not yet written cannot be given up
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
