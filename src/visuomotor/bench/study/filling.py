"""Fills one cell: demonstrations, training, rollouts; what is done is not done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from visuomotor.bench.results import commit_at_first, commit_run, machine
from visuomotor.bench.study.cell import Cell, CellResult, load, result_path, save
from visuomotor.bench.study.curve import read_curves
from visuomotor.bench.study.evaluations import list_evaluation
from visuomotor.bench.study.goals import goals_for
from visuomotor.bench.study.pairs import pair_region
from visuomotor.bench.study.plan import DEMONSTRATION_SEED, UNSEEN, Job, Study, study_of
from visuomotor.bench.study.request import Request, Wanted
from visuomotor.bench.study.rolling import roll_out
from visuomotor.bench.study.starts import rounded, training_starts
from visuomotor.bench.study.watch import Say, Watch
from visuomotor.bench.study.work import Notes, demonstrations, locked
from visuomotor.checkpoint import load_checkpoint
from visuomotor.errors import Interrupted
from visuomotor.sim import SimConfig
from visuomotor.sim.rollout import Rollout

ShouldStop = Callable[[], bool]
_PER_ROLLOUT = ("success", "steps", "refused", "start", "error")


def fill_cell(
    request: Request, wanted: Wanted, say: Say, should_stop: ShouldStop, workers: int = 1
) -> None:
    """Trains the cell's policy, unless it is trained, and rolls it out where that is missing.

    A cell that another process is filling is left to it. workers: processes that share the
    rollouts. Raises whatever the training raises, and Interrupted when `should_stop` says so.
    """
    filling = study_of(wanted.cell.family).filling
    if filling is not None:
        filling.fill(request, wanted, say, should_stop, workers)
        return
    cell = wanted.cell
    study, out = study_of(cell.family), request.work / "cells" / cell.name
    with locked(out / ".lock", wait=False) as mine:
        if not mine or not request.missing(wanted):
            return
        study.methods[cell.method].check()
        torch.set_num_threads(1)
        commit_at_first()
        notes = Notes(out / "notes.json")
        if "commit" not in notes.values:
            _train(request, study, cell, out / "policy", notes, say, should_stop)
        elif notes.values["commit"] != commit_run():
            say(
                f"{cell.name}: was trained at {notes.values['commit']}, this is {commit_run()}; if "
                f"its settings have changed since, delete {out} to train it anew"
            )
        result = _trained(request, cell, out / "policy", notes)
        for region in wanted.rollouts:
            n, first = wanted.rollouts[region], request.first_seed(region, cell.task)
            old = _reusable(result.regions.get(region), first)
            done = len(old["success"]) if old else 0
            if done >= n:
                continue
            sim = sim_of(study, cell, region, request.development)
            sim = replace(sim, cameras=load_checkpoint(out / "policy").spec.names)
            shown = request.work / "datasets" / "goals"
            goals = goals_for(out / "policy", sim, pair_region(region), shown)
            watch = Watch(f"{cell.name}: {region}", say)
            rollouts: list[Rollout] = []
            seeds = range(first + done, first + n)
            for rollout in roll_out(cell.family, out / "policy", sim, seeds, workers, goals):
                rollouts.append(rollout)
                watch.tell(f"{done + len(rollouts)} of {n} rollouts")
                if should_stop():
                    break
            if len(rollouts) < n - done:
                raise Interrupted(f"stopped in {region}; run it again to go on")
            regions = {**result.regions, region: _region(first, rollouts, old)}
            counts = {name: len(r["success"]) for name, r in regions.items()}
            again = cell.command(counts)
            result = replace(result, regions=regions, machine=machine(), command=again)
            save(request.results, result)
            values = {
                "first_seed": first + done,
                "rollouts": len(rollouts),
                "successes": sum(r.success for r in rollouts),
                "trained": result.trained,
                "commit": commit_run(),
            }
            list_evaluation(request.results, cell, region, values)
            solved = sum(regions[region]["success"])
            say(f"{cell.name}: {region} {solved} of {n}")


def sim_of(study: Study, cell: Cell, region: str, development: bool = False) -> SimConfig:
    """The world of a cell's region; `unseen` is another variant's interpolation.

    development: that of the starts on which methods are chosen.
    """
    variant, pair = cell.task_variant, pair_region(region)
    chosen: dict[str, Any] = {}
    if pair is not None:
        chosen = {"start": pair.start, "goal": pair.goal, "disturbance": pair.disturbance}
        region = pair.underlying
    if region == UNSEEN:
        region, variant = "interpolation", study.unseen_variant(variant, development)
    values: dict[str, Any] = {"task": cell.task, "region": region, "variant": variant}
    return SimConfig(cameras=study.cameras, **values, **chosen)


def _train(
    request: Request,
    study: Study,
    cell: Cell,
    checkpoint: Path,
    notes: Notes,
    say: Say,
    should_stop: ShouldStop,
) -> None:
    """Leaves a policy, and in the notes how long it took in all and its figures."""
    source = {**study.sources[cell.source], **study.departures.get(cell.task, {})}
    sim = replace(sim_of(study, cell, source["region"]), **source)
    root = demonstrations(_dataset(request, cell), sim, DEMONSTRATION_SEED, cell.demonstrations)
    watch = Watch(cell.name, say, lambda seconds: notes.add("train_s", seconds))
    shared = _shared(request, cell)
    job = Job(cell, root, shared, checkpoint, watch.report, should_stop, device=request.device)
    train_watched(study, job, watch, notes, say)


def train_watched(study: Study, job: Job, watch: Watch, notes: Notes, say: Say) -> None:
    """Trains a cell's policy and notes its figures, when it ended, at which commit, and its time.

    watch: whose `report` is the job's, and which adds to the note `train_s`.
    """
    try:
        figures = study.methods[job.cell.method].train(job) or {}
    finally:
        watch.close()
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    notes.set(figures=dict(figures), trained=now, commit=commit_run())
    say(f"{job.cell.name}: trained in {notes.values['train_s']:.0f} s")


def _trained(request: Request, cell: Cell, checkpoint: Path, notes: Notes) -> CellResult:
    """The cell with the rollouts that this very training has so far."""
    values, path = notes.values, result_path(request.results, cell)
    figures = dict(values["figures"])
    stages = {"policy": str(checkpoint), **figures.pop("stages", {})}
    trained = str(values.get("trained", ""))
    old = load(path) if path.exists() else None
    cache = _shared(request, cell) / "starts.json"
    with locked(cache.with_suffix(".lock")):
        starts = training_starts(_dataset(request, cell), cell.task, cell.demonstrations, cache)
    return CellResult(
        cell,
        values["train_s"],
        values["commit"],
        machine(),
        "",
        dict(old.regions) if old is not None and old.trained == trained else {},
        figures,
        starts,
        read_curves({stage: Path(folder) for stage, folder in stages.items()}),
        trained,
    )


def _reusable(region: dict[str, Any] | None, first_seed: int) -> dict[str, Any] | None:
    """Rollouts that others can be added to: of the same starts, in today's format."""
    if region is None or region["first_seed"] != first_seed:
        return None
    lengths = {len(region.get(k, ())) for k in _PER_ROLLOUT}
    return region if lengths == {len(region["success"])} else None


def _region(first: int, rollouts: list[Rollout], old: dict[str, Any] | None) -> dict[str, Any]:
    """What a cell's file holds of a region, the old rollouts first."""
    new: dict[str, list[Any]] = {
        "success": [int(r.success) for r in rollouts],
        "steps": [r.steps for r in rollouts],
        "refused": [len(r.refusals) for r in rollouts],
        "start": [rounded(*r.start) for r in rollouts if r.start is not None],
        "initial_state": [r.initial for r in rollouts],
        "error": [None if r.error is None else [round(e, 4) for e in r.error] for r in rollouts],
    }
    if any(r.pair for r in rollouts):
        new["reached"] = [r.reached for r in rollouts]
    commits = {commit_run()} if old is None else {commit_run(), *old["commit"].split(", ")}
    outcomes = {k: (old.get(k, []) if old else []) + values for k, values in new.items()}
    return {"first_seed": first, **outcomes, "commit": ", ".join(sorted(commits))}


def _dataset(request: Request, cell: Cell) -> Path:
    return request.work / "datasets" / f"{cell.task}-{cell.task_variant}-{cell.source}"


def _shared(request: Request, cell: Cell) -> Path:
    name = f"{_dataset(request, cell).name}-{cell.demonstrations}"
    return request.work / "shared" / cell.family / name
