"""Fills a cell of the real2sim study: a skill's training, and its success on the benchmarks."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import torch

from visuomotor.bench.results import commit_run, machine
from visuomotor.bench.skill_benchmark import SkillScore, benchmark_starts, evaluate_skill
from visuomotor.bench.study.cell import Cell, CellResult, load, result_path, save
from visuomotor.bench.study.curve import read_curves, read_rows
from visuomotor.bench.study.evaluations import list_evaluation
from visuomotor.bench.study.filling import train_watched
from visuomotor.bench.study.plan import Filling, Job, study_of
from visuomotor.bench.study.real2sim_methods import single, video_files, videos
from visuomotor.bench.study.request import Request, Wanted
from visuomotor.bench.study.watch import Say, Watch
from visuomotor.bench.study.work import Notes, locked
from visuomotor.errors import ConfigError, DataError, Interrupted
from visuomotor.sim.gripper import BENCHMARKS, Starts


def count(request: Request, action: str, method: str) -> int:
    """How many videos a cell learns from; 0 where no folder is given."""
    if single(method) is not None:
        return 1
    return len(video_files(request.given / action)) if request.given else 0


def missing(request: Request, wanted: Wanted) -> list[str]:
    """The benchmarks that were not judged, or from fewer or other starts, or of other videos."""
    path = result_path(request.results, wanted.cell)
    old = load(path) if path.exists() else None
    there = old.regions if old is not None and not _of_others(request, old) else {}
    return [
        name
        for name, n in wanted.rollouts.items()
        if len(there.get(name, {}).get("success", ())) < n
        or there[name]["starts_from"] != starts_from(request, name)
    ]


def fill(
    request: Request, wanted: Wanted, say: Say, should_stop: Callable[[], bool], threads: int = 1
) -> None:
    """Trains the cell's skill, unless it is trained, and judges it where that is missing.

    A cell that another process is filling is left to it. Raises whatever the training raises,
    DataError where the cell in `work` was trained on other videos, and Interrupted when
    `should_stop` says so.
    """
    cell = wanted.cell
    if request.given is None:
        raise ConfigError(
            "real2sim: got no demonstrations, expected --demonstrations FOLDER with "
            "<action>/<name>.npz, as `visuomotor video estimate --demonstration` writes them"
        )
    folder, out = request.given / cell.task, request.work / "cells" / cell.name
    with locked(out / ".lock", wait=False) as mine:
        if not mine or not missing(request, wanted):
            return
        torch.set_num_threads(1)
        notes = Notes(out / "notes.json")
        key = videos(folder, cell.method).key
        if notes.values.get("videos", key) != key:
            raise DataError(
                f"{cell.name}: got other videos than this cell was begun with; give another "
                f"--work and --results, or delete {out}"
            )
        if "commit" not in notes.values:
            notes.set(videos=key)
            watch = Watch(cell.name, say, lambda seconds: notes.add("train_s", seconds))
            shared = request.work / "shared"
            job = Job(cell, folder, shared, out / "policy", watch.report, should_stop, threads)
            train_watched(study_of(cell.family), job, watch, notes, say)
        for name in missing(request, wanted):
            n, watch = wanted.rollouts[name], Watch(f"{cell.name}: {name}", say)

            def told(done: int, watch: Watch = watch, n: int = n, name: str = name) -> None:
                watch.tell(f"{done} of {n} starts")
                if should_stop():
                    raise Interrupted(f"stopped in {name}; run it again to go on")

            score = evaluate_skill(out / "policy", starts_of(request, name, n), 0, threads, told)
            solved = _keep(request, wanted, notes, name, score)
            say(f"{cell.name}: {name} {solved} of {n}")


FILLING = Filling(count, missing, fill)


def _of_others(request: Request, result: CellResult) -> bool:
    """Whether a cell's file is of other videos than those that are given."""
    if request.given is None:
        return False
    try:
        key = videos(request.given / result.cell.task, result.cell.method).key
    except DataError:
        return False  # whoever fills the cell is told
    return bool(result.figures["videos"] != key)


def starts_of(request: Request, name: str, n: int) -> Starts:
    """The first n starts of a benchmark: the user's file's, or drawn by its seed.

    DataError where the file has fewer.
    """
    file = dict(request.starts).get(name)
    starts = benchmark_starts(name if file is None else str(file), n, request.first_seed(name))
    if len(starts) < n:
        raise DataError(f"{file}: got {len(starts)} starts, expected {n}; ask for fewer rollouts")
    return starts


def starts_from(request: Request, name: str) -> str:
    """What tells a benchmark's starts from others: their seed, or the digest of the user's file."""
    file = dict(request.starts).get(name)
    if file is not None:
        if not file.is_file():
            raise DataError(f"--starts {name}={file}: no such file; expected a CSV file of starts")
        return f"file {sha256(file.read_bytes()).hexdigest()[:16]}"
    if name not in BENCHMARKS:
        raise ConfigError(f"--starts: got no file for {name}, expected {name}=FILE.csv")
    return f"seed {request.first_seed(name)}"


def _keep(request: Request, wanted: Wanted, notes: Notes, name: str, score: SkillScore) -> int:
    """Writes what was judged into the cell's file and the list of evaluations; its successes."""
    cell, values = wanted.cell, notes.values
    policy = request.work / "cells" / cell.name / "policy"
    path, trained = result_path(request.results, cell), str(values["trained"])
    old = load(path) if path.exists() else None
    regions = dict(old.regions) if old is not None and old.trained == trained else {}
    solved, drawn = int(score.success.sum()), name not in dict(request.starts)
    regions[name] = {
        "first_seed": request.first_seed(name) if drawn else 0,
        "starts_from": starts_from(request, name),
        "success": score.success.astype(int).tolist(),
        "signed": score.signed.astype(int).tolist(),
        "signed_azimuth_rate": round(float(score.signed.mean()), 4),
        "satisfied": score.as_other,
        "seconds": round(score.seconds, 1),
        "commit": commit_run(),
    }
    curves = read_curves({"policy": policy})
    checks = read_rows(policy, "success")
    result = CellResult(
        cell,
        values["train_s"],
        values["commit"],
        machine(),
        command(cell, regions),
        regions,
        values["figures"],
        [],
        {**curves, **({"checks": checks} if checks else {})},
        trained,
    )
    save(request.results, result)
    listed: dict[str, Any] = {"rollouts": len(score.success), "successes": solved}
    listed |= {"first_seed": regions[name]["first_seed"], "trained": trained}
    listed["commit"] = commit_run()
    list_evaluation(request.results, cell, name, listed)
    return solved


def command(cell: Cell, regions: dict[str, dict[str, Any]]) -> str:
    """What fills this cell alone, from nothing; the user's folder and files by stand-ins."""
    rollouts = max(len(r["success"]) for r in regions.values())
    words = ["visuomotor", "study", "run", cell.family, "--task", cell.task]
    words += ["--method", cell.method, "--seed", str(cell.seed), "--region", *regions]
    words += ["--rollouts", str(rollouts), "--demonstrations", "FOLDER"]
    files = [f"{n}=FILE.csv" for n, r in regions.items() if r["starts_from"].startswith("file ")]
    return shlex.join([*words, *(["--starts", *files] if files else [])])
