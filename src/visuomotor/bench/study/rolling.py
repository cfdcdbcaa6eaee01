"""Rollouts of a study's policy, in this process or shared over several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from visuomotor.bench.evaluation import run_rollouts
from visuomotor.bench.study.plan import study_of
from visuomotor.contracts import UInt8
from visuomotor.sim import SimConfig
from visuomotor.sim.rollout import Rollout

_SHARES = 4
"""Per worker: how often others are told of rollouts."""


def roll_out(
    family: str,
    checkpoint: Path,
    sim: SimConfig,
    seeds: range,
    workers: int = 1,
    goals: Sequence[UInt8] = (),
) -> Iterator[Rollout]:
    """One per seed, in their order; an error of the policy is a failed rollout, no lost cell.

    workers: processes that share the seeds; the result does not depend on their number. goals: as
    `run_rollouts`'. Whoever stops asking for more ends it.
    """
    if workers <= 1:
        yield from run_rollouts(checkpoint, sim, seeds, forgiving=True, goals=goals)
        return
    size = max(1, -(-len(seeds) // (workers * _SHARES)))
    shares = [seeds[i : i + size] for i in range(0, len(seeds), size)]
    spawn = multiprocessing.get_context("spawn")  # OpenGL and torch survive no fork
    pool = ProcessPoolExecutor(workers, mp_context=spawn)
    try:
        jobs = [pool.submit(_share, family, checkpoint, sim, share, goals) for share in shares]
        for job in jobs:
            yield from job.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _share(
    family: str, checkpoint: Path, sim: SimConfig, seeds: Sequence[int], goals: Sequence[UInt8]
) -> list[Rollout]:
    study_of(family)  # a study of one's own may bring its own kind of policy
    return list(run_rollouts(checkpoint, sim, seeds, forgiving=True, goals=goals))
