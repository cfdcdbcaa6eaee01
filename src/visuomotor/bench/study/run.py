"""Fills a study's cells: demonstrations, training, rollouts; resumable, in several processes."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from visuomotor.bench.evaluation import run_rollouts
from visuomotor.bench.results import commit, machine
from visuomotor.bench.study.cell import Cell, CellResult, load, result_path, save
from visuomotor.bench.study.curve import read_curves
from visuomotor.bench.study.plan import DEMONSTRATION_SEED, FIRST_SEEDS, Job, Study, study_of
from visuomotor.bench.study.starts import rounded, training_starts
from visuomotor.bench.study.work import Notes, demonstrations, locked
from visuomotor.checkpoint import load_checkpoint
from visuomotor.errors import ConfigError, Interrupted, VisuomotorError, unknown_name
from visuomotor.sim import SimConfig

Say = Callable[[str], None]
UNSEEN = "unseen"
"""The region of a variant's objects or surroundings that were never demonstrated."""


@dataclass(frozen=True)
class Request:
    """Which cells to fill, and how; an empty choice means the family's default.

    first_seeds: region -> seed of its first start. work: folder of datasets and checkpoints.
    """

    family: str
    tasks: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    variants: tuple[str, ...] = ("plain",)
    sources: tuple[str, ...] = ()
    demonstrations: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    regions: tuple[str, ...] = ("interpolation", "extrapolation")
    rollouts: int = 0
    first_seeds: tuple[tuple[str, int], ...] = tuple(FIRST_SEEDS.items())
    work: Path = Path("study")
    results: Path = Path("benchmarks/results/study")
    command: str = ""

    def cells(self) -> list[Cell]:
        """All of them; ConfigError for a task or method that the family's study lacks."""
        study = study_of(self.family)
        _check("method", self.methods, study.methods)
        _check("task", self.tasks, study.tasks)
        _check("source", self.sources, study.source_regions)
        return [
            Cell(self.family, m, t, v, s, n, seed)
            for n, t, v, s, seed, m in product(
                self.demonstrations or study.demonstrations[:1],
                self.tasks or study.tasks,
                self.variants,
                self.sources or tuple(study.source_regions)[:1],
                self.seeds,
                self.methods or tuple(study.methods),
            )
        ]


def fill(request: Request, workers: int, say: Say) -> int:
    """Fills every cell that is missing; returns how many failed. Run again to go on.

    A cell that another process is filling is left to it. One whose training fails is told of and
    left out; the others go on.
    """
    cells = request.cells()
    missing = [c for c in cells if _missing(request, c)]
    say(f"{len(cells) - len(missing)} of {len(cells)} cells are there")
    if workers <= 1:
        return sum(_fill_and_tell(request, cell, say) for cell in missing)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(request, missing[i:] + missing[:i]))
        for i in range(workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return sum(bool(_missing(request, cell)) for cell in missing)


def _work(request: Request, cells: Sequence[Cell]) -> None:
    for cell in cells:
        _fill_and_tell(request, cell, lambda text: print(text, flush=True))


def _fill_and_tell(request: Request, cell: Cell, say: Say) -> bool:
    """Whether it failed."""
    try:
        fill_cell(request, cell, say)
    except Interrupted:
        raise
    except VisuomotorError as error:
        say(f"{cell.name}: FAILED: {error}")
        return True
    return False


def fill_cell(
    request: Request, cell: Cell, say: Say, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Trains the cell's policy, unless it is trained, and rolls it out where that is missing."""
    study = study_of(cell.family)
    path = result_path(request.results, cell)
    out = request.work / "cells" / cell.name
    with locked(out / ".lock", wait=False) as mine:
        if not mine or not _missing(request, cell):
            return
        torch.set_num_threads(1)
        old = load(path) if path.exists() else None
        checkpoint, train_s, figures = _trained(request, study, cell, out, say, should_stop)
        starts = _training_starts(request, cell)
        stages = {"policy": str(checkpoint), **figures.pop("stages", {})}
        curves = read_curves({stage: Path(folder) for stage, folder in stages.items()})
        regions = dict(old.regions) if old else {}
        trained_at = str(figures.pop("commit"))
        for region in _missing(request, cell):
            regions[region] = evaluate_cell(request, study, cell, checkpoint, region)
            solved = sum(regions[region]["success"])
            say(f"{cell.name}: {region} {solved} of {len(regions[region]['success'])}")
            result = CellResult(
                cell,
                train_s,
                trained_at,
                machine(),
                request.command,
                regions,
                figures,
                starts,
                curves,
            )
            save(request.results, result)


def _trained(
    request: Request,
    study: Study,
    cell: Cell,
    out: Path,
    say: Say,
    should_stop: Callable[[], bool],
) -> tuple[Path, float, dict[str, Any]]:
    """The checkpoint, the seconds that its training took in all, and its figures."""
    checkpoint, notes = out / "policy", Notes(out / "notes.json")
    if "commit" not in notes.values:
        sim = _sim(study, cell, study.source_regions[cell.source])
        root = demonstrations(_dataset(request, cell), sim, DEMONSTRATION_SEED, cell.demonstrations)
        start = time.monotonic()
        job = Job(cell, root, _shared(request, cell), checkpoint, lambda _: None, should_stop)
        try:
            figures = study.methods[cell.method].train(job) or {}
        finally:
            notes.add("train_s", time.monotonic() - start)
        notes.set(figures=dict(figures), commit=commit())
        say(f"{cell.name}: trained in {notes.values['train_s']:.0f} s")
    values = notes.values
    return checkpoint, values["train_s"], {**values["figures"], "commit": values["commit"]}


def evaluate_cell(
    request: Request, study: Study, cell: Cell, checkpoint: Path, region: str
) -> dict[str, Any]:
    """The rollouts of one region; an error of the policy is a failed rollout, not a lost cell."""
    sim = replace(_sim(study, cell, region), cameras=load_checkpoint(checkpoint).spec.names)
    first = dict(request.first_seeds)[region]
    seeds = range(first, first + (request.rollouts or study.rollouts))
    rollouts = list(run_rollouts(checkpoint, sim, seeds, forgiving=True))
    return {
        "first_seed": first,
        "success": [int(r.success) for r in rollouts],
        "steps": [r.steps for r in rollouts],
        "refused": [len(r.refusals) for r in rollouts],
        "start": [rounded(*r.start) for r in rollouts if r.start is not None],
        "error": [None if r.error is None else [round(e, 4) for e in r.error] for r in rollouts],
        "commit": commit(),
    }


def _dataset(request: Request, cell: Cell) -> Path:
    return request.work / "datasets" / f"{cell.task}-{cell.task_variant}-{cell.source}"


def _shared(request: Request, cell: Cell) -> Path:
    name = f"{_dataset(request, cell).name}-{cell.demonstrations}"
    return request.work / "shared" / cell.family / name


def _training_starts(request: Request, cell: Cell) -> list[list[float]]:
    cache = _shared(request, cell) / "starts.json"
    with locked(cache.with_suffix(".lock")):
        return training_starts(_dataset(request, cell), cell.task, cell.demonstrations, cache)


def _sim(study: Study, cell: Cell, region: str) -> SimConfig:
    variant = cell.task_variant
    if region == UNSEEN:
        region, variant = "interpolation", f"{variant}_unseen"
    values: dict[str, Any] = {"task": cell.task, "region": region, "variant": variant}
    return SimConfig(cameras=study.cameras, **values)


def _missing(request: Request, cell: Cell) -> list[str]:
    """The regions without (enough) rollouts."""
    path = result_path(request.results, cell)
    wanted = request.rollouts or study_of(cell.family).rollouts
    there = load(path).regions if path.exists() else {}
    first = dict(request.first_seeds)
    return [
        r
        for r in request.regions
        if r not in there or len(there[r]["success"]) < wanted or there[r]["first_seed"] != first[r]
    ]


def _check(what: str, chosen: Sequence[str], known: Any) -> None:
    for name in chosen:
        if name not in known:
            raise ConfigError(unknown_name(what, name, list(known)))
