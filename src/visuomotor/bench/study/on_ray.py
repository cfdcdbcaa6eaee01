"""Fills a study's cells as tasks of a Ray cluster: of this machine, or of several that share files.

Cells, files and priorities are those of `study.run`; Ray only says where each is worked at.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from visuomotor.bench.study.order import Order
from visuomotor.bench.study.request import Request, Wanted
from visuomotor.bench.study.run import Engine, fill_and_tell
from visuomotor.bench.study.watch import Say
from visuomotor.bench.study.work import Busy, be_impatient
from visuomotor.errors import ConfigError, MissingDependencyError

_POLL_S = 0.3
_ASK_S = 1.0
_ANSWER_S = 5.0
_STORE_BYTES = 100 * 2**20  # what passes between tasks is a few lines of text
_PASSED_ON = ("MUJOCO_GL", "OMP_NUM_THREADS")


class Board:
    """What the driver and all tasks see: whether to stop, and what was said."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._stopped = False

    def say(self, text: str) -> None:
        """A task says a line."""
        self._lines.append(text)

    def lines(self) -> list[str]:
        """What was said since it was last asked."""
        lines, self._lines = self._lines, []
        return lines

    def stop(self) -> None:
        """All tasks are to save and end."""
        self._stopped = True

    def stopped(self) -> bool:
        """Whether they are."""
        return self._stopped


def ray_engine(workers: int, address: str | None = None) -> Engine:
    """Tasks of one CPU each.

    address: of a cluster that runs already (`auto`: this machine's), which then says how many go
    on at a time; its machines must have this package, and the folders of work and results at the
    same place. Without one, a cluster of `workers` CPUs on this machine, until all is done. Raises
    MissingDependencyError without Ray, and ConfigError where no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            "--engine ray needs Ray, which is not installed; pip install 'visuomotor[ray]'"
        ) from error

    def fill(
        request: Request,
        missing: Sequence[Wanted],
        say: Say,
        should_stop: Callable[[], bool],
    ) -> None:
        mine = not ray.is_initialized()
        if mine:
            connect(ray, workers, address)
        try:
            _Tasks(ray, _absolute(request), say, should_stop).fill(missing)
        finally:  # also ends tasks that are at work: an exception, a second Ctrl-C
            if mine:
                ray.shutdown()

    return fill


class _Tasks:
    """The driver: hands out cells in their order, one for every CPU of the cluster."""

    def __init__(
        self, ray: Any, request: Request, say: Say, should_stop: Callable[[], bool]
    ) -> None:
        self._ray, self._request, self._say = ray, ray.put(request), say
        self._should_stop = should_stop
        self._board = ray.remote(num_cpus=0)(Board).remote()
        self._task = ray.remote(num_cpus=1, max_retries=0)(_fill_one)
        self._running: dict[Any, Wanted] = {}

    def fill(self, missing: Sequence[Wanted]) -> None:
        """Until all have been tried, or it is told to stop."""
        order, told = Order(missing), False
        while order:
            if self._should_stop() and not told:
                self._ray.get(self._board.stop.remote())
                order.stop()
                told = True
            cpus = int(self._ray.cluster_resources().get("CPU", 1))
            while len(self._running) < cpus and (found := order.next()):
                wanted, impatient = found
                task = self._task.remote(self._request, wanted, impatient, self._board)
                self._running[task] = wanted
            if self._running:
                done, _ = self._ray.wait(list(self._running), timeout=_POLL_S)
                self._end(done, order)
            for line in self._ray.get(self._board.lines.remote()):
                self._say(line)

    def _end(self, tasks: Sequence[Any], order: Order) -> None:
        for task in tasks:
            wanted = self._running.pop(task)
            try:
                if self._ray.get(task):
                    order.end()
                else:
                    order.postpone(wanted)
            except self._ray.exceptions.RayError as error:
                order.end()
                why = str(error).strip().splitlines()[0]
                self._say(f"{wanted.cell.name}: FAILED: {type(error).__name__}: {why}")


def _fill_one(request: Request, wanted: Wanted, impatient: bool, board: Any) -> bool:
    """One task; False if the cell is to be tried again later."""
    import ray

    be_impatient(impatient)
    asked_s, stopped = float("-inf"), False

    def should_stop() -> bool:
        nonlocal asked_s, stopped
        if not stopped and time.monotonic() - asked_s > _ASK_S:
            asked_s = time.monotonic()
            stopped = bool(ray.get(board.stopped.remote()))
        return stopped

    try:
        fill_and_tell(request, wanted, lambda text: ray.get(board.say.remote(text)), should_stop, 1)
    except Busy:
        return False
    return True


def connect(ray: Any, workers: int, address: str | None) -> None:
    """Starts a cluster, or joins the one at `address`; ConfigError where none answers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "WARNING"}
    if address is None:
        local = {"num_cpus": workers, "include_dashboard": False, "runtime_env": same_modules()}
        ray.init(address="local", object_store_memory=_STORE_BYTES, **local, **options)
        return
    _check_answers(address)
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        ray.init(address=address, runtime_env={"env_vars": passed} if passed else None, **options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, error) from error


def same_modules() -> dict[str, Any]:
    """What has workers on this machine find the modules that this process finds."""
    folders = dict.fromkeys(str(Path(folder).resolve()) for folder in sys.path)
    return {"env_vars": {"PYTHONPATH": os.pathsep.join(folders)}}


def _check_answers(address: str) -> None:
    """Asks a machine's port itself: Ray tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():  # `auto`
        return
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"--address: got {address}, where no Ray cluster answers ({error}); start one with "
        "`ray start --head`, or leave --address out for one of this machine"
    )


def _absolute(request: Request) -> Request:
    """Tasks have other working folders."""
    return replace(
        request,
        work=request.work.absolute(),
        results=request.results.absolute(),
        given=None if request.given is None else request.given.absolute(),
        starts=tuple((name, path.absolute()) for name, path in request.starts),
    )
