"""One side of a comparison, in a process and an environment of its own, that acts when asked.

The parent writes a line of JSON for each command and reads one; so sides that cannot live in one
environment still take turns. A side's own output goes to its log.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from visuomotor.errors import VisuomotorError

SOURCE = Path(__file__).parents[3]


class SideError(VisuomotorError):
    """A side that failed or ended, with the end of its log."""


class Side:
    """A module of this room that runs in `python` and `serve`s; a context manager that ends it."""

    def __init__(
        self,
        python: Path,
        module: str,
        arguments: Mapping[str, Any],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self._log = module, log
        path = os.pathsep.join(filter(None, (str(SOURCE), os.environ.get("PYTHONPATH", ""))))
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(python), "-m", f"{__package__}.{module}", json.dumps(dict(arguments))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **(environment or {}), "PYTHONPATH": path},
            )

    def ask(self, command: str, **arguments: Any) -> Any:
        """What the command answers; SideError if it raised, or if the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([command, arguments]) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SideError(f"{self.name}: ended at {command}; its log ends: {self._tail()}")
        answer = json.loads(line)
        if "error" in answer:
            raise SideError(f"{self.name}: {command}: {answer['error']}")
        return answer["value"]

    def pss_mb(self) -> float:
        """Proportional share of memory of the process and its descendants, in MB (10^6 bytes).

        What processes share (libraries, mapped files, the page cache behind them) counts by parts.
        """
        return sum(_pss_kb(pid) for pid in _family(self._process.pid)) * 1024 / 1e6

    def close(self) -> None:
        """Ends the process by closing what it reads; after 10 s, by killing it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:])[-400:]


def serve(commands: Mapping[str, Callable[..., Any]]) -> None:
    """A side's main loop: answers until the parent closes the pipe.

    What libraries print goes to standard error, so that answers stay alone on standard output.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        command, arguments = json.loads(line)
        try:
            answer = {"value": commands[command](**arguments)}
        except Exception as error:  # whatever a peer's libraries raise is told, and logged whole
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def given() -> dict[str, Any]:
    """The arguments that this side was started with."""
    values: dict[str, Any] = json.loads(sys.argv[1])
    return values


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                yield from _family(int(child))


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
