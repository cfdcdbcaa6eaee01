"""How many of a benchmark's start states a skill's policy solves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visuomotor.bench.statistics import wilson
from visuomotor.errors import DataError, unknown_name
from visuomotor.policies.skill import load_skill
from visuomotor.sim.gripper import BENCHMARKS, Starts, draw_starts, read_starts
from visuomotor.training.loop import one_thread
from visuomotor.training.skill_rollouts import roll_out
from visuomotor.video.metrics import Trajectory, satisfied, satisfied_actions

SEED, DEVELOPMENT_SEED = 420_000, 300_000
"""Of the benchmarks' starts, of tables and of development; trainings look at others."""
_AT_ONCE = 125


@dataclass(frozen=True)
class SkillScore:
    """What a policy did from N starts.

    success, signed (N,): by the metric, and by the published code's, whose azimuths are signed.
    as_other: how many of the N also were, or were instead, each of the nine actions.
    """

    action: str
    success: NDArray[np.bool_]
    signed: NDArray[np.bool_]
    as_other: dict[str, int]
    seconds: float

    def summary(self) -> dict[str, Any]:
        """Plain figures: shares, the first with its 95% interval."""
        n, solved = len(self.success), int(self.success.sum())
        return {
            "action": self.action,
            "starts": n,
            "successes": solved,
            "success": solved / n,
            "interval_95": list(wilson(solved, n)),
            "success_signed_azimuth": float(self.signed.mean()),
            "satisfied": self.as_other,
            "seconds": self.seconds,
        }


def benchmark_starts(source: str, n: int | None = None, seed: int = SEED) -> Starts:
    """Starts of `easy` or `hard`, drawn by us (1000 unless n says otherwise), or a CSV file's.

    Of a file the first n, or all. Raises DataError where it is neither.
    """
    if source in BENCHMARKS:
        return draw_starts(source, 1000 if n is None else n, seed)
    if not Path(source).exists():
        raise DataError(f"{unknown_name('benchmark', source, BENCHMARKS)}; nor is it a file")
    starts = read_starts(Path(source))
    return starts if n is None else starts.take(slice(n))


def evaluate_skill(
    checkpoint: Path,
    starts: Starts,
    seed: int = 0,
    threads: int = 2,
    done: Callable[[int], None] = lambda _: None,
) -> SkillScore:
    """Rolls a checkpoint's policy out from each start, with its mean actions.

    seed: of the table's friction. The same seed and starts give every policy the same worlds. done:
    told how many starts have been tried, every few seconds; what it raises ends the evaluation.
    """
    network, began = load_skill(checkpoint), time.monotonic()
    action = network.config.action
    paths: list[Trajectory] = []
    with one_thread():
        for first in range(0, len(starts), _AT_ONCE):
            some = starts.take(slice(first, first + _AT_ONCE))
            paths += roll_out(network, some, seed + first, threads).trajectories
            done(len(paths))
    met = [satisfied_actions(t) for t in paths]
    return SkillScore(
        action,
        np.array([m[action] for m in met]),
        np.array([satisfied(action, t, signed_azimuth=True) for t in paths]),
        {name: sum(m[name] for m in met) for name in met[0]},
        time.monotonic() - began,
    )
