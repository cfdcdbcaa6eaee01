"""Names of labelled pictures: where each comes from, and which picture it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

_IDENTITY = re.compile(r"-([0-9a-f]{12})$")
_HEAD_BYTES, _TAIL_BYTES = 1 << 20, 1 << 16
_LONGEST_BYTES = 150  # file systems take 255, with identity and suffix


def file_identity(path: Path) -> str:
    """Which picture a file is, wherever it lies and whatever it is called.

    Of a file of over 1 MiB its size, start and end are read alone: thousands of phone pictures
    are listed in seconds.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    with path.open("rb") as file:
        digest.update(file.read(_HEAD_BYTES))
        if size > _HEAD_BYTES:
            file.seek(max(_HEAD_BYTES, size - _TAIL_BYTES))
            digest.update(file.read(_TAIL_BYTES))
    return digest.hexdigest()[:12]


def identity(*parts: str | bytes) -> str:
    """Which picture it is, from whatever tells it from all others."""
    joined = b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)
    return hashlib.sha256(joined).hexdigest()[:12]


def stem(parts: Iterable[str], picture: str) -> str:
    """A file's name without suffix: its source in words that every file system takes, and which."""
    words = "_".join(re.sub(r"[^\w.-]+", "-", p).strip("-.") for p in parts)
    short = words.encode()[-_LONGEST_BYTES:].decode(errors="ignore")
    return f"{short or 'picture'}-{picture}"


def identity_in(name: str) -> str | None:
    """The identity that `stem` put into a file's stem; None for a file that we did not name."""
    found = _IDENTITY.search(name)
    return found[1] if found else None
