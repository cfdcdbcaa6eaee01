"""The episodes of a long run: what each holds, and what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from visuomotor.bench.faults.episodes import missed, set_stamps
from visuomotor.contracts import STEP_NS
from visuomotor.errors import DataError
from visuomotor.recording import load_sidecar, read_frames


@dataclass(frozen=True)
class Cut:
    """An episode as it was cut: the stamps in ns of the sets that the bench heard meanwhile, how
    many targets were accepted, and over how many seconds.
    """

    path: Path
    heard: list[int]
    accepted: int
    seconds: float


def checked(cut: Cut) -> dict[str, Any]:
    """Opens an episode and decodes every set of it.

    sets; gaps: intervals of more than a step and a half; missed: sets that the bench heard and the
    recorder did not write; drops by reason of the sidecar; error: why it cannot be read.
    """
    try:
        stamps = set_stamps(cut.path)
        decoded = sum(1 for _ in read_frames(cut.path))
        drops = load_sidecar(cut.path).drops
    except DataError as error:
        return {"sets": 0, "gaps": 0, "missed": len(cut.heard), "drops": {}, "error": str(error)}
    lacking = len(stamps) - decoded
    return {
        "sets": decoded,
        "seconds": round((stamps[-1] - stamps[0]) * 1e-9, 2),
        "gaps": gaps(stamps),
        "missed": missed(stamps, cut.heard),
        "drops": drops,
        "error": f"{lacking} sets are incomplete" if lacking else "",
    }


def gaps(stamps: list[int]) -> int:
    """How many intervals of the stamps in ns are longer than a step and a half."""
    return sum(b - a > 1.5 * STEP_NS for a, b in pairwise(stamps))


def refused_by_reason(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What came to each count between the two."""
    more = Counter(after)
    more.subtract(before)
    return {name: n for name, n in sorted(more.items()) if n > 0}
