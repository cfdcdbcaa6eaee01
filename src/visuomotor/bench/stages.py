"""Stages of a long run that can be killed and run again: what is done is not done twice."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from visuomotor.errors import VisuomotorError


@dataclass(frozen=True)
class Stages:
    """Runs stages below one folder; each leaves `stages/<name>.json` when it is complete."""

    out: Path

    def run(self, name: str, inputs: Mapping[str, Any], work: Callable[[], str]) -> None:
        """Runs `work` unless a run with the same inputs is complete; prints one line.

        Seconds add up over runs that were interrupted. `work` returns a sentence for the line.
        """
        marker = self.out / "stages" / f"{name}.json"
        key = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()
        before = json.loads(marker.read_text()) if marker.exists() else {}
        same = before.get("inputs") == key
        if same and before["complete"]:
            say(f"{name:18s} done before ({before['seconds']:.0f} s): {before['result']}")
            return
        spent = before["seconds"] if same else 0.0
        start = time.monotonic()
        complete, result = False, "interrupted"
        try:
            result = work()
            complete = True
        finally:
            seconds = spent + time.monotonic() - start
            record = {"name": name, "seconds": round(seconds, 1), "complete": complete}
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.write_text(json.dumps({**record, "inputs": key, "result": result}))
        say(f"{name:18s} {seconds:6.0f} s: {result}")

    def seconds(self) -> dict[str, float]:
        """Seconds by stage."""
        files = sorted((self.out / "stages").glob("*.json"), key=lambda f: f.stat().st_mtime)
        return {f.stem: float(json.loads(f.read_text())["seconds"]) for f in files}


def say(text: str) -> None:
    """One line for the person who watches."""
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


class Launched:
    """A launch file that runs beside us, in a process group of its own, its output in a log."""

    def __init__(self, launch_file: Path, arguments: Mapping[str, Any], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        words = [f"{k}:={v}" for k, v in arguments.items()]
        command = [sys.executable, "-m", "visuomotor.cli", "up", str(launch_file), *words]
        with log.open("w") as file:
            file.write(" ".join(command) + "\n")
            file.flush()
            self._process = subprocess.Popen(
                command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait(self, total: int, done: Callable[[], int], what: str, timeout_s: float) -> None:
        """Waits until it ends by itself, with a progress bar over `done()` of `total`.

        Raises VisuomotorError with the end of the log if it failed or took too long.
        """
        end = time.monotonic() + timeout_s
        bar = tqdm(total=total, desc=what, unit="", disable=not sys.stdout.isatty(), leave=False)
        with bar:
            while (code := self._process.poll()) is None:
                if time.monotonic() > end:
                    self.stop()
                    raise self.failure(f"{what} took longer than {timeout_s:g} s")
                bar.update(done() - bar.n)
                time.sleep(0.5)
        if code != 0:
            raise self.failure(f"{what} ended with exit code {code}")

    @property
    def pid(self) -> int:
        """The process that starts the nodes."""
        return self._process.pid

    def stop(self) -> None:
        """Ends it as Ctrl-C would."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(10.0)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def failure(self, text: str) -> VisuomotorError:
        """An error with the end of the log."""
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])
        return VisuomotorError(f"{text}; the end of {self.log}:\n{tail}")

    def __enter__(self) -> Launched:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
