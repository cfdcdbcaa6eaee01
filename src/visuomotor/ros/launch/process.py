"""One node's process: its own session, its output line by line, gone when its parent is gone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

from visuomotor.ros.launch.description import NodeSpec

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class NodeProcess:
    """Runs a NodeSpec; start it from the main thread, whose end is the kernel's signal to it."""

    def __init__(self, spec: NodeSpec, label: str) -> None:
        self.spec, self.label = spec, label
        self.started_s = time.monotonic()
        parent = os.getpid()

        def follow_parent() -> None:
            # SIGTERM: the node still has its chance to make hardware safe.
            if _LIBC is not None:
                _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != parent:
                    os._exit(1)

        self._process = subprocess.Popen(
            spec.command,
            env={**spec.environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=follow_parent,
        )
        assert self._process.stdout is not None
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.output, False)
        self._partial = b""

    @property
    def pid(self) -> int:
        """The process, and its session and group."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit code once it has ended; what it left in its group is killed then."""
        code = self._process.poll()
        if code is not None:
            self.signal_group(signal.SIGKILL)
        return code

    def signal(self, number: int) -> None:
        """Signals the node alone; its own children are its own to end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def signal_group(self, number: int) -> None:
        """Signals the node and all that it started in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def read_lines(self, final: bool = False) -> list[str]:
        """The complete lines that wait; with `final` also the last one without an end."""
        chunks = [self._partial]
        with contextlib.suppress(BlockingIOError, OSError):
            while chunk := os.read(self.output, 65536):
                chunks.append(chunk)
        *lines, self._partial = b"".join(chunks).split(b"\n")
        if final and self._partial:
            lines.append(self._partial)
            self._partial = b""
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def close(self) -> None:
        """Frees the pipe."""
        assert self._process.stdout is not None
        self._process.stdout.close()
