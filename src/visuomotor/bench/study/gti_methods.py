"""How the methods of the GTI study are trained; every one with the settings of one place.

One budget (docs/results/README.md): stage 1 takes STEPS[task] steps, stage 2 twice as many, and
each baseline, which has one stage, as many as both. Stage 1 draws BATCH windows of eleven steps,
what is recurrent WINDOWS sequences of twenty.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from visuomotor.bench.study.plan import Job
from visuomotor.bench.study.work import locked
from visuomotor.checkpoint import load_checkpoint, save_checkpoint
from visuomotor.config import from_mapping
from visuomotor.errors import Interrupted
from visuomotor.generation import Generated, GenerationConfig, coverage
from visuomotor.generation.lockstep import generate
from visuomotor.observations import CameraSpec
from visuomotor.policies.gti.config import GtiConfig
from visuomotor.sim import SimConfig
from visuomotor.training import train

Train = Callable[[Job], Mapping[str, Any]]

SIGHT = (CameraSpec("front", 48, 64, depth=False), CameraSpec("wrist", 48, 64, depth=False))
STEPS = {"cross": 1_500, "bread": 5_000}
BATCH, WINDOWS = 16, 8
SECOND, WHOLE = 2, 3
"""How many times STEPS stage 2 takes, and a baseline."""
LEAST_SHARE = {"cross": 0.0, "bread": 0.25}
"""Of the greatest weight: stage 1's components that are drawn; chosen on development starts."""
ROLLOUTS = {"cross": 400, "bread": 240}
"""Of stage 1, half of them from either start, of which stage 2 learns those that reached a goal."""
FIRST_ROLLOUT = 100_000
DEMONSTRATIONS = 100
"""50 of each of the two tasks that are shown."""
DEPARTURES: dict[str, dict[str, Any]] = {"bread": {"strays_hz": 0.1}}
"""Of single tasks: in bread a grasp may fail, and nobody would show what to do then."""
SOURCE: dict[str, Any] = {"region": "interpolation", "demonstrator": "human_like", "slips_hz": 0.3}


def first_stage(period: int = 0, **settings: Any) -> Train:
    """Stage 1 with these departures from the defaults; period: when it runs, 0 as trained."""

    def method(job: Job) -> Mapping[str, Any]:
        _kept(_stage1(job, settings), job.out, period)
        return {}

    return method


def both_stages(**settings: Any) -> Train:
    """Stage 2 on stage 1's own rollouts; settings: of stage 1."""

    def method(job: Job) -> Mapping[str, Any]:
        made = _stage1(job, settings)
        rollouts = made.with_name(made.name.replace("stage1", "rollouts"))
        with locked(rollouts.with_suffix(".lock")):
            _generated(job, made, rollouts)
        train_goal(job, rollouts, steps=SECOND * STEPS[job.cell.task])
        found = coverage(rollouts / job.cell.task, job.cell.task)
        return {"generated": sum(found.counts.values()), "stages": {"stage1": str(made)}}

    return method


def from_demonstrations(**settings: Any) -> Train:
    """The recurrent policy of stage 2, on the demonstrations themselves."""

    def method(job: Job) -> Mapping[str, Any]:
        own = {
            "episodes": job.cell.demonstrations,
            "steps": WHOLE * STEPS[job.cell.task],
            **settings,
        }
        train_goal(job, job.dataset, **own)
        return {}

    return method


def _kept(made: Path, out: Path, period: int) -> None:
    """The stage 1 in `made` as the cell's own policy, with another period perhaps."""
    out.mkdir(parents=True, exist_ok=True)
    found = load_checkpoint(made)
    config = from_mapping(GtiConfig, found.config, str(made))
    config = replace(config, period=period or config.period)
    parts = (found.tensors, found.normaliser, found.spec)
    save_checkpoint(out, "gti", config, *parts, f"# GTI, stage 1\nFrom {made.name}.\n")
    shutil.copy(made / "progress.csv", out)


def train_goal(job: Job, dataset: Path, **settings: Any) -> None:
    """One training of a recurrent policy, into the cell's folder."""
    own = {"batch": WINDOWS, "seed": job.cell.seed, **settings}
    own |= {"task": job.cell.task, "cameras": SIGHT}
    train("goal", None, dataset, job.out, job.report, job.should_stop, job.device, **own)


def _stage1(job: Job, settings: Mapping[str, Any]) -> Path:
    """The folder of a stage 1 that several cells share, trained if it is not."""
    name = "-".join(["stage1", *(f"{k}{v}" for k, v in settings.items())])
    out = job.shared / f"{name}-seed{job.cell.seed}"
    own = {"steps": STEPS[job.cell.task], "batch": BATCH, "seed": job.cell.seed, **settings}
    own |= {"task": job.cell.task, "episodes": job.cell.demonstrations, "cameras": SIGHT}
    own = {"least_share": LEAST_SHARE[job.cell.task], **own}
    with locked(out.with_suffix(".lock")):
        if not (out / "config.yaml").exists():
            report, stop = job.report, job.should_stop
            train("gti", None, job.dataset, out, report, stop, job.device, **own)
    return out


def _generated(job: Job, made: Path, out: Path) -> None:
    """Stage 1's own rollouts, those that are missing."""
    task, first = job.cell.task, FIRST_ROLLOUT + 10_000 * job.cell.seed
    sim = SimConfig(task=task, cameras=tuple(c.name for c in SIGHT))

    def stopped(row: Generated) -> None:
        if job.should_stop():
            raise Interrupted(f"stopped after the rollout of seed {row.seed}; run it again")

    seeds = range(first, first + ROLLOUTS[task])
    generate(made, sim, seeds, out, GenerationConfig(), progress=stopped)
