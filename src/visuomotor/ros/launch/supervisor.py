"""Starts the nodes of a launch file, reports their deaths and takes all of them down again."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from visuomotor.errors import ConfigError
from visuomotor.ros.discovery import local_environment
from visuomotor.ros.launch.description import NodeSpec, read_launch_file
from visuomotor.ros.launch.location import share_folder
from visuomotor.ros.launch.process import NodeProcess

LAST = "cartesian_bridge"
"""The executable that is stopped after all others, so that the arm is held to the end."""

ESCALATION = ((0.0, signal.SIGINT), (2.0, signal.SIGTERM), (3.2, signal.SIGKILL))
LAST_ESCALATION = ((0.0, signal.SIGINT), (4.0, signal.SIGTERM), (4.5, signal.SIGKILL))
"""(seconds after the stop began, signal). The last one's SIGINT waits until the others are gone,
which they are soon after 3.2 s: it has a second or more, and all is over in less than 5 s."""


def up(file: Path | str, arguments: Sequence[str] = ()) -> int:
    """Runs a launch file until SIGINT or SIGTERM, or until a required node or all nodes ended.

    file: a path, or the name of one of our launch files (`sim`). arguments: `name:=value`.
    Returns the exit code: 0, or 1 where a node had to be killed or all ended with one failed,
    or that of the required node that ended. Raises ConfigError for a bad file or argument.
    """
    specs = read_launch_file(
        find_launch_file(file), parse_arguments(arguments), local_environment(os.environ)
    )
    if not specs:
        raise ConfigError(f"{file}: no node to run with these arguments")
    return Supervisor(specs).run()


def find_launch_file(file: Path | str) -> Path:
    """A path as it is, else one of our launch files by its name, with or without its ending."""
    folder = share_folder() / "launch"
    for path in (Path(file), folder / file, folder / f"{file}.launch.xml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(p.name.removesuffix(".launch.xml") for p in folder.glob("*.xml")))
    raise ConfigError(f"no launch file {str(file)!r}: give a path, or one of {known}")


def parse_arguments(words: Sequence[str]) -> dict[str, str]:
    """`name:=value` words as a mapping; ConfigError for others."""
    pairs = [word.partition(":=") for word in words]
    for word, (name, sign, _) in zip(words, pairs, strict=True):
        if not sign or not name:
            raise ConfigError(f"launch argument: got {word!r}, expected NAME:=VALUE")
    return {name: value for name, _, value in pairs}


class Supervisor:
    """The processes of one launch. `run` belongs to the main thread: it takes signals."""

    def __init__(self, specs: Sequence[NodeSpec]) -> None:
        self._labels = _labels(specs)
        self._specs = list(specs)
        self._running: dict[int, NodeProcess] = {}  # by index of its spec
        self._respawn_at: dict[int, float] = {}
        self._selector = selectors.DefaultSelector()
        self._stop_since: float | None = None
        self._sent: dict[int, int] = {}
        self._failed = False
        self._code = 0

    def run(self) -> int:
        """Runs all nodes to the end; returns the exit code."""
        with self._signals() as wakeup:
            self._selector.register(wakeup, selectors.EVENT_READ, None)
            try:
                for index in range(len(self._specs)):
                    self._start(index)
                while self._running or self._respawn_at:
                    for key, _ in self._selector.select(self._timeout_s()):
                        if key.data is None:
                            self._take_signals(wakeup)
                        else:
                            self._print(key.data, self._running[key.data].read_lines())
                    self._reap()
                    self._respawn()
                    self._escalate()
            finally:
                for process in self._running.values():
                    process.signal_group(signal.SIGKILL)
        return self._code if self._stop_since is not None else int(self._failed)

    def _start(self, index: int) -> None:
        try:
            process = NodeProcess(self._specs[index], self._labels[index])
        except OSError as error:
            raise ConfigError(f"{self._specs[index].where}: cannot start: {error}") from None
        self._running[index] = process
        self._selector.register(process.output, selectors.EVENT_READ, index)

    def _take_signals(self, wakeup: int) -> None:
        numbers = set(os.read(wakeup, 4096))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number in numbers and self._stop_since is None:
                self._stop(f"{signal.Signals(number).name}: stopping")

    def _reap(self) -> None:
        for index, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            self._selector.unregister(process.output)
            self._print(index, process.read_lines(final=True))
            process.close()
            del self._running[index]
            self._report(index, process, code)

    def _report(self, index: int, process: NodeProcess, code: int) -> None:
        spec, label = self._specs[index], self._labels[index]
        if self._stop_since is not None:
            if code != 0:
                say(f"{label} {_ended(code)} while stopping")
                self._code = self._code or int(code == -signal.SIGKILL)
            return
        say(f"{label} {_ended(code)} after {time.monotonic() - process.started_s:.1f} s")
        self._failed = self._failed or code != 0
        if spec.required:
            self._code = code if code >= 0 else 1
            self._stop(f"{label} is required: stopping")
        elif spec.respawn:
            self._respawn_at[index] = time.monotonic() + spec.respawn_delay_s

    def _respawn(self) -> None:
        for index, due in list(self._respawn_at.items()):
            if time.monotonic() >= due:
                del self._respawn_at[index]
                say(f"starting {self._labels[index]} again")
                self._start(index)

    def _stop(self, reason: str) -> None:
        say(reason)
        self._stop_since = time.monotonic()
        self._respawn_at.clear()

    def _escalate(self) -> None:
        """Sends every node the signals that are due; the bridge's come when the others ended."""
        if self._stop_since is None:
            return
        now = time.monotonic()
        first = {i for i in self._running if self._specs[i].executable != LAST}
        last = set(self._running) - first
        self._send(first, ESCALATION, now - self._stop_since)
        if not first:
            self._send(last, LAST_ESCALATION, now - self._stop_since)

    def _send(
        self, indices: set[int], steps: tuple[tuple[float, signal.Signals], ...], elapsed_s: float
    ) -> None:
        for index in sorted(indices):
            due = sum(elapsed_s >= after_s for after_s, _ in steps)
            for _, number in steps[self._sent.get(index, 0) : due]:
                process = self._running[index]
                if number == signal.SIGKILL:
                    process.signal_group(number)
                else:
                    process.signal(number)
            self._sent[index] = max(due, self._sent.get(index, 0))

    def _timeout_s(self) -> float:
        """Signals and the ends of children wake us; the rest is checked this often."""
        return 0.05 if self._stop_since is not None or self._respawn_at else 1.0

    def _print(self, index: int, lines: Sequence[str]) -> None:
        for line in lines:
            say(line, self._labels[index])

    @contextmanager
    def _signals(self) -> Iterator[int]:
        """A descriptor that gets the numbers of the signals that come, SIGCHLD among them."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
        before = {n: signal.signal(n, lambda *_: None) for n in numbers}
        before_fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(before_fd)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            os.close(reader)
            os.close(writer)


def say(line: str, label: str = "up") -> None:
    """One prefixed line; a closed terminal or pipe does not stop the launch."""
    try:
        print(f"[{label}] {line}", flush=True)
    except (BrokenPipeError, OSError, ValueError):
        # What is left unread must not fail again when the interpreter flushes at its end.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _labels(specs: Sequence[NodeSpec]) -> list[str]:
    names = [s.name for s in specs]
    return [
        n if names.count(n) == 1 else f"{n}-{names[: i + 1].count(n)}" for i, n in enumerate(names)
    ]


def _ended(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"died of {signal.Signals(-code).name}"
