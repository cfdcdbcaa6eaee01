"""The 20 Hz loop through the ROS graph: simulation, synchroniser, policy and bridge for 60 s."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path
from typing import Any

from visuomotor.bench.graph_evaluation import GraphEvaluator, spinning
from visuomotor.bench.loop_metrics import ONE_HOP_LESS, loop_figures
from visuomotor.bench.results import save_result
from visuomotor.bench.stages import Launched
from visuomotor.errors import ConfigError
from visuomotor.ros.launch import share_folder

DURATION_S = 60.0
SEED = 400_000
CHECKPOINTS = ("demo/policy", "models/checkpoints/lift_dense")


def run(out: Path, checkpoint: Path | None = None) -> dict[str, Any]:
    """Measures and writes `loop.json`; by default with the demo's policy, else the released one."""
    share = share_folder()
    candidates = [checkpoint] if checkpoint else [share / c for c in CHECKPOINTS]
    found = [c for c in candidates if (c / "config.yaml").exists()]
    if not found:
        raise ConfigError(
            f"no policy checkpoint at {', '.join(map(str, candidates))}; run `make demo` first"
        )
    os.environ.setdefault("ROS_DOMAIN_ID", str(random.randint(1, 100)))
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    log = Path(tempfile.mkdtemp()) / "loop.log"
    arguments = {"policy": found[0], "cameras": ["front", "side"], **ONE_HOP_LESS}
    with (
        Launched(share / "launch" / "demo.launch.xml", arguments, log) as graph,
        spinning(GraphEvaluator) as node,
    ):
        warm_up = node.rollout(SEED, 60, until_solved=False)
        node.logs.clear()
        rollout = node.rollout(SEED + 1, round(DURATION_S / 0.05), until_solved=False)
        logs = list(node.logs)
        for r in (warm_up, rollout):
            if r.error:
                raise graph.failure(f"the loop did not run: {r.error}")
    figures = loop_figures(logs)
    latency = figures.latency_ms()
    ordered = sorted(figures.intervals_ms)
    return save_result(
        out / "loop.json",
        {
            "duration_s": DURATION_S,
            "rate_hz": figures.rate_hz,
            "missed_deadline_fraction": figures.missed_deadline_fraction,
            "latency_p50_ms": latency["p50"],
            "latency_p95_ms": latency["p95"],
            "interval_p05_ms": ordered[len(ordered) // 20],
            "interval_p95_ms": ordered[-1 - len(ordered) // 20],
        },
        "two cores shared by rendering, four Python nodes and the policy's network",
        "visuomotor bench loop",
        [SEED, SEED + 1],
    )
