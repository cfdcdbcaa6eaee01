"""What a benchmark that takes long has judged so far: a file per video."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def judged_once(file: Path, judge: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What a file holds of one video, or what `judge` finds, which is then kept in it."""
    if file.exists():
        kept: list[dict[str, Any]] = json.loads(file.read_text())
        return kept
    rows = judge()
    file.parent.mkdir(parents=True, exist_ok=True)
    building = file.with_suffix(".tmp")
    building.write_text(json.dumps(rows))
    building.replace(file)
    return rows
