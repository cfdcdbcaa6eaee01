"""The processes of a launch, and what they have used."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Usage:
    """What a process holds: its proportional share of memory and all that it maps, in MB."""

    pss_mb: float
    rss_mb: float
    descriptors: int
    threads: int


def usage(pid: int) -> Usage:
    """Of a process, now; VisuomotorError if it is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        sizes = _numbers(folder / "smaps_rollup")
        descriptors = len(os.listdir(folder / "fd"))
        threads = len(os.listdir(folder / "task"))
    except OSError as error:
        raise VisuomotorError(f"process {pid} cannot be looked at: {error}") from error
    return Usage(sizes["Pss"] / 1e3, sizes["Rss"] / 1e3, descriptors, threads)


def _numbers(file: Path) -> dict[str, float]:
    """`Name:  12 kB` lines -> {name: 12.0}."""
    lines = (line.split() for line in file.read_text().splitlines())
    return {w[0].rstrip(":"): float(w[1]) for w in lines if len(w) == 3 and w[2] == "kB"}


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the process's state on."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
