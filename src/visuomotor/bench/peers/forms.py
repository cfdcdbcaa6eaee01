"""Training steps of ours beside straightforward forms of the same formulas: older benchmarks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from visuomotor.bench.peers.effort import Effort


def measure(effort: Effort) -> dict[str, Any]:
    """Ratios of `bench descriptors` and of `bench han`, measured in this run."""
    from visuomotor.bench import descriptors, han

    with tempfile.TemporaryDirectory(prefix="visuomotor-peers-") as folder:
        return {
            "correspondence": descriptors.measure(Path(folder) / "scenes"),
            "hand_eye": han.measure_training(Path(folder) / "lift"),
        }
