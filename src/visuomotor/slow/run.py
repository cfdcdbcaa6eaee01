"""Starts a command with `clock.c` preloaded: all that it starts shares one slowed clock.

A graph in slowed time is the graph itself, with its real nodes, threads, sockets and protocols; a
machine that is so many times too slow, or whose host takes its time now and then, shows what a fast
one would. Nothing is stepped or synchronised for it. `libfaketime` does more and hangs where C++
waits for a condition by the steady clock (its issue 469), as every DDS does.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from visuomotor.errors import ConfigError, MissingDependencyError

VARIABLE = "VISUOMOTOR_SLOW"
"""factor, CLOCK_REALTIME and CLOCK_MONOTONIC in ns of the moment from which time is slowed."""
SLOWEST = 100.0
SOURCE = Path(__file__).with_name("clock.c")


def slowed_by() -> float:
    """How many times slower time passes for this process: 1 unless `visuomotor slow` started it."""
    return float(os.environ.get(VARIABLE, "1").split()[0])


def slowed() -> bool:
    """Whether this process's seconds are not the world's: no real arm may be moved then."""
    return slowed_by() != 1.0


def is_here(host: str) -> bool:
    """Whether an address is this machine's own, where no real arm is."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def no_real_arm(what: str) -> str:
    """The text of an error: `what` may not be commanded in slowed time."""
    return (
        f"{what} may be real and would not live in our time, slowed by {slowed_by():g}; "
        "start without `visuomotor slow`"
    )


def run_slowed(factor: float, command: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    factor: from 1 to SLOWEST. Raises ConfigError for another one or no command,
    MissingDependencyError on another system than Linux or without a C compiler.
    """
    if not 1.0 <= factor <= SLOWEST or not command:
        raise ConfigError(
            f"slow: got factor {factor:g} and command {list(command)}, expected a factor from 1 to "
            f"{SLOWEST:g} and a command, as in: visuomotor slow 4 visuomotor up sim"
        )
    if slowed():
        raise ConfigError("slow: time is slowed already; start this command by itself")
    path = shutil.which(command[0])
    if path is None:
        raise ConfigError(f"slow: no command {command[0]!r}; check its name and the PATH")
    environment = slowed_environment(factor, os.environ)
    sys.stdout.flush()
    process = subprocess.Popen([path, *command[1:]], env=environment)
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:  # the command heard it too: its end is awaited
            continue


def slowed_environment(factor: float, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables with which a process, and all that it starts, runs in slowed time from now."""
    others = environment.get("LD_PRELOAD", "").split()
    return {
        **environment,
        "LD_PRELOAD": " ".join([str(library()), *others]),
        VARIABLE: f"{factor:g} {time.time_ns()} {time.monotonic_ns()}",
    }


def library() -> Path:
    """`clock.c` compiled; once for every version of it, below the user's cache."""
    if not sys.platform.startswith("linux"):
        raise MissingDependencyError(
            f"slow: got {sys.platform}, expected Linux: it uses LD_PRELOAD"
        )
    text = SOURCE.read_bytes()
    base = os.environ.get("XDG_CACHE_HOME", "")
    cache = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "visuomotor" / "slow"
    built = cache / f"clock-{hashlib.sha256(text).hexdigest()[:16]}.so"
    if built.exists():
        return built
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise MissingDependencyError("slow: no C compiler (cc); apt install gcc libc6-dev")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = Path(folder) / built.name
        flags = ["-std=gnu11", "-O2", "-shared", "-fPIC"]
        done = subprocess.run(
            [compiler, *flags, "-o", str(made), str(SOURCE), "-ldl", "-lm", "-lpthread"],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise MissingDependencyError(
                f"slow: {compiler} does not compile {SOURCE.name}: {done.stderr.strip()[-500:]}; "
                "apt install gcc libc6-dev"
            )
        made.replace(built)
    return built
