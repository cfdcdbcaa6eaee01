"""The processes of a launch, and what they have used."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from visuomotor.errors import VisuomotorError


def node_processes(launch: int, nodes: tuple[str, ...]) -> dict[str, int]:
    """Process ids by node of what process `launch` started; VisuomotorError if one is missing."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(_stat(int(folder.name))[1]) != launch:
                continue
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            for node in nodes:
                if f"visuomotor.nodes.{node} " in command.replace("\0", " "):
                    found[node] = int(folder.name)
    missing = set(nodes) - set(found)
    if missing:
        raise VisuomotorError(f"process {launch} has no {', '.join(sorted(missing))}")
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, of all its threads."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the process's state on."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
