"""Result files: what was measured, on which machine, at which commit, by which command."""

from __future__ import annotations

import functools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from visuomotor.slow import slowed, slowed_by


def save_result(
    path: Path,
    figures: Mapping[str, Any],
    limits: str,
    command: str,
    seeds: Sequence[int] = (),
) -> dict[str, Any]:
    """Writes one benchmark's JSON and returns it.

    figures: name -> number or nested mapping, units in the names. limits: one sentence on what
    bounds these figures. command: what a reader runs to get them again; in slowed time it is told
    so.
    """
    if slowed():
        command = f"visuomotor slow {slowed_by():g} {command}"
    result = {
        "name": path.stem,
        "figures": dict(figures),
        "limited_by": limits,
        "seeds": list(seeds),
        "command": command,
        "machine": machine(),
        "commit": commit(),
        "utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    return result


def measured(result: Mapping[str, Any]) -> str:
    """A sentence for a page: at which commit, on which machine, in which time."""
    machine = result["machine"]
    by = machine.get("time_slowed_by")
    return (
        f"Measured at {result['commit']} on {machine['cores']} cores, {machine['cpu']}, "
        f"{machine['platform']}{f', in time slowed {by:g} times' if by else ''}."
    )


def machine() -> dict[str, Any]:
    """Processor, cores, Python and platform of this machine."""
    model = platform.processor() or "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {
        "cpu": model,
        "cores": cores(),
        **({"time_slowed_by": slowed_by()} if slowed() else {}),
        "python": sys.version.split()[0],
        "platform": platform.platform(terse=True),
    }


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit() -> str:
    """The short commit of this checkout, with "+" when it has changes, or "unknown".

    Result files are no changes: a study writes its own while it runs.
    """
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        run = subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True)
        return run.stdout.strip() if run.returncode == 0 else ""

    head = git("rev-parse", "--short", "HEAD")
    code = (":/", ":(top,exclude)benchmarks/results")
    return (head + ("+" if git("status", "--porcelain", "-uno", "--", *code) else "")) or "unknown"


@functools.cache
def commit_at_first() -> str:
    """`commit` when this process asked for the first time: of the code that it runs."""
    return commit()


def commit_run() -> str:
    """The commit that this process runs; "A to B" where the checkout went on meanwhile.

    What is imported late, and processes started later, may then be of B.
    """
    first, now = commit_at_first(), commit()
    return first if first == now else f"{first} to {now}"
