"""`bench peers`: the comparisons whose peers are installed, and why the others are not."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from visuomotor.bench.peers.effort import FULL, Effort
from visuomotor.bench.results import save_result
from visuomotor.errors import MissingDependencyError

COMPARISONS = ("loaders", "simulators", "synchronisers", "forms")


def run(
    out: Path, effort: Effort = FULL, comparisons: tuple[str, ...] = COMPARISONS
) -> dict[str, Any]:
    """Measures and writes `peers.json`; about a quarter of an hour with every peer installed."""
    figures: dict[str, Any] = {
        "rounds": effort.rounds,
        "load_average_1_min": round(os.getloadavg()[0], 1),
    }
    for name in comparisons:
        print(f"  {name} ...", flush=True)
        module = importlib.import_module(f"visuomotor.bench.peers.{name}")
        try:
            figures[name] = module.measure(effort)
        except MissingDependencyError as error:
            figures[name] = {"skipped": str(error)}
            print(f"  {name}: skipped: {error}", flush=True)
    return save_result(
        out / "peers.json",
        figures,
        "loaders: copying images and making floats of them (ours, robomimic), decoding (LeRobot); "
        "simulators: rasterising on the processor; synchronisers: Python",
        "visuomotor bench peers",
        [],
    )
