"""The process in which cases run: what kills it or never ends costs one case, not the rest."""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from visuomotor.bench.fuzzing.guard import Guard
from visuomotor.bench.fuzzing.judging import Bounds, Verdict, arm, judge
from visuomotor.bench.fuzzing.target import case_seed, open_target
from visuomotor.errors import MissingDependencyError

CRASH, INPUT = "crash.txt", "input"
"""Files in the worker's folder: the stack of a crash, and the input in work."""


@dataclass(frozen=True)
class Job:
    """The cases [first, stop) of a target; where: as `open_target` takes it."""

    name: str
    where: str
    first: int
    stop: int


@dataclass(frozen=True)
class Report:
    """What became of one case; data: its input, where that is a defect.

    case -1: the target cannot be tried here, verdict.what says why; -2: the worker itself failed.
    """

    name: str
    case: int
    verdict: Verdict
    data: bytes = b""


def run_jobs(
    jobs: list[Job], seed: int, folder: str, bounds: Bounds, reports: Connection, current: Any
) -> None:
    """Runs the jobs one after the other and reports every case.

    current: a shared integer, the case in work; -1 while there is none.
    """
    name = ""
    try:
        here = Path(folder)
        sys.dont_write_bytecode = True
        _silence(here)
        guard = Guard(here)
        for number, job in enumerate(jobs):
            current.value, name = -1, job.name
            own = here / f"{number}_{job.name.replace(':', '.')}"
            own.mkdir()
            try:
                target = open_target(job.where, own)
            except MissingDependencyError as error:
                reports.send(Report(job.name, -1, Verdict("refused", str(error))))
                continue
            arm(bounds)
            for case in range(job.first, job.stop):
                data = target.make(Random(case_seed(seed, job.name, case)))
                (here / INPUT).write_bytes(data)
                current.value = case
                with guard.watch():
                    verdict = judge(target, data, bounds)
                current.value = -1
                if guard.noted:
                    verdict = Verdict("defect", guard.noted[0])
                kept = data if verdict.outcome == "defect" else b""
                reports.send(Report(job.name, case, verdict, kept))
    except Exception:
        reports.send(Report(name, -2, Verdict("defect", traceback.format_exc())))
    finally:
        reports.close()


def _silence(folder: Path) -> None:
    """Decoders in C complain about every damaged image; a crash leaves its stack in CRASH."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
    faulthandler.enable((folder / CRASH).open("w"))
