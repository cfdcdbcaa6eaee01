"""Fills a study's cells in order of priority, in several processes; resumable."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from visuomotor.bench.study.filling import fill_cell
from visuomotor.bench.study.order import Order
from visuomotor.bench.study.request import Request, Wanted
from visuomotor.bench.study.watch import Say
from visuomotor.bench.study.work import Busy, be_impatient
from visuomotor.errors import Interrupted, VisuomotorError

_POLL_S = 0.2
_BUSY = 75  # exit code: the cell is to be tried again later

Engine = Callable[[Request, Sequence[Wanted], Say, Callable[[], bool]], None]
"""Tries all of these cells, or those until it is told to stop; what fails is told of."""


def fill(
    request: Request,
    workers: int,
    say: Say,
    should_stop: Callable[[], bool] = lambda: False,
    engine: Engine | None = None,
) -> int:
    """Fills every cell that is missing; returns how many still are. Run again to go on.

    A cell that another process is filling is left to it. One whose training fails, or whose
    process is killed, is told of and left out; the others go on. Raises Interrupted when
    `should_stop` said so, states of unfinished trainings saved.

    engine: who works at them; without one, `workers` processes.
    """
    wanted = request.wanted()
    missing = [w for w in wanted if request.missing(w)]
    say(f"{len(wanted) - len(missing)} of {len(wanted)} cells are there")
    if engine is not None:
        engine(request, missing, say, should_stop)
    elif workers <= 1:
        for each in missing:
            if should_stop():
                break
            fill_and_tell(request, each, say, should_stop, 1)
    else:
        _Processes(request, workers, say, should_stop).fill(missing)
    left = sum(bool(request.missing(w)) for w in missing)
    if left and should_stop():
        raise Interrupted(f"{left} of {len(wanted)} cells are missing; run it again to go on")
    return left


def fill_and_tell(
    request: Request, wanted: Wanted, say: Say, should_stop: Callable[[], bool], workers: int
) -> None:
    """Fills one cell, or says what was in the way; raises nothing but Busy."""
    name = wanted.cell.name
    try:
        fill_cell(request, wanted, say, should_stop, workers)
    except Busy:
        raise
    except Interrupted as end:
        say(f"{name}: {end}")
    except VisuomotorError as error:
        say(f"{name}: FAILED: {error}")
    except Exception as error:  # whatever it is, it must not cost the other cells
        path = request.work / "cells" / name / "error.txt"
        path.write_text(traceback.format_exc())
        say(f"{name}: FAILED: {error!r}; see {path}")


class _Processes:
    """One process per cell, at most `workers` at a time; those left over share rollouts."""

    def __init__(
        self, request: Request, workers: int, say: Say, should_stop: Callable[[], bool]
    ) -> None:
        self._request, self._workers, self._say = request, workers, say
        self._should_stop = should_stop
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._stop = self._context.Event()
        self._order = Order(())
        self._running: dict[str, tuple[Wanted, SpawnProcess]] = {}

    def fill(self, missing: Sequence[Wanted]) -> None:
        """Until all have been tried, or it is told to stop."""
        self._order = Order(missing)
        try:
            while self._order:
                if self._should_stop():
                    self._stop.set()
                    self._order.stop()
                while len(self._running) < self._workers and (found := self._order.next()):
                    self._start(*found)
                time.sleep(_POLL_S)
                self._reap()
        finally:  # an exception, a second Ctrl-C: nothing of ours goes on
            for _, process in self._running.values():
                process.terminate()

    def _start(self, wanted: Wanted, impatient: bool) -> None:
        workers = max(1, self._workers // self._order.left)
        arguments = (self._request, wanted, workers, impatient, self._stop, os.getpid())
        process = self._context.Process(target=_work, args=arguments)
        # A terminal's Ctrl-C reaches all processes; this one tells the others by the event.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        self._running[wanted.cell.name] = wanted, process

    def _reap(self) -> None:
        for name, (wanted, process) in list(self._running.items()):
            if process.exitcode is None:
                continue
            del self._running[name]
            if process.exitcode == _BUSY:
                self._order.postpone(wanted)
                continue
            self._order.end()
            if process.exitcode != 0:
                self._say(f"{name}: FAILED: its process ended with {process.exitcode}")


def _work(
    request: Request, wanted: Wanted, workers: int, impatient: bool, stop: Any, parent: int
) -> None:
    be_impatient(impatient)

    def should_stop() -> bool:
        return bool(stop.is_set()) or os.getppid() != parent

    try:
        fill_and_tell(request, wanted, lambda text: print(text, flush=True), should_stop, workers)
    except Busy:
        sys.exit(_BUSY)
