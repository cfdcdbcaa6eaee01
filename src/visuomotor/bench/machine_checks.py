"""Cores, shared memory, clock, kernel, limits and disk: what `visuomotor doctor` measures."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from visuomotor.bench.diagnosis import Check, missing, ok, warning

MB = 1_000_000
SHM_MB = 512
"""Enough for the 64 MB segments of some eight participants."""
WRITE_MB, SLOW_MB_S = 64, 30.0
MIN_FREE_GB, FEW_GB = 2.0, 20.0


def check_cores() -> list[Check]:
    """Cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    if cores < 2:
        return [warning("cores", f"{cores}", "the 20 Hz loop is measured with two cores or more")]
    return [ok("cores", f"{cores}, load {os.getloadavg()[0]:.1f}")]


def check_shared_memory(folder: Path = Path("/dev/shm")) -> list[Check]:
    """Room for Fast DDS's shared-memory segments."""
    if not folder.is_dir():
        return [warning("shared memory", f"no {folder}", "images go through UDP, which is slower")]
    usage = shutil.disk_usage(folder)
    found = f"{usage.free / MB:.0f} MB free of {usage.total / MB:.0f} MB in {folder}"
    if usage.free < SHM_MB * MB:
        remedy = f"{SHM_MB} MB for images between nodes: docker run --shm-size=1g, or remount it"
        return [warning("shared memory", found, remedy)]
    return [ok("shared memory", found)]


def check_clock() -> list[Check]:
    """Resolution, whether the wall clock keeps pace, and whether it is synchronised."""
    resolution_ns = time.get_clock_info("monotonic").resolution * 1e9
    before = time.time() - time.monotonic()
    time.sleep(0.2)
    jump_ms = abs(time.time() - time.monotonic() - before) * 1e3
    found = f"resolution {resolution_ns:.0f} ns, wall clock moved {jump_ms:.2f} ms in 0.2 s"
    if jump_ms > 5.0:
        remedy = "stop what sets the clock in steps; let chrony or ntpd slew it"
        return [warning("clock", found, remedy)]
    if resolution_ns > 1e6:
        return [warning("clock", found, "stamps need at least 1 ms")]
    synchronised = _synchronised()
    if synchronised is False:
        remedy = "timedatectl set-ntp true (needed when cameras or robot are on another machine)"
        return [warning("clock", f"{found}, not synchronised by NTP", remedy)]
    state = "synchronised by NTP" if synchronised else "NTP state unknown (no timedatectl)"
    return [ok("clock", f"{found}, {state}")]


def _synchronised() -> bool | None:
    """Whether NTP keeps the clock, None where nobody knows."""
    if shutil.which("timedatectl") is None:
        return None
    try:
        run = subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    answer = run.stdout.strip()
    return None if run.returncode or answer not in ("yes", "no") else answer == "yes"


def check_realtime() -> list[Check]:
    """A real-time kernel and the right to use it: for driving an arm, not for simulation."""
    flag = Path("/sys/kernel/realtime")
    realtime = flag.exists() and flag.read_text().strip() == "1"
    kernel = f"{os.uname().sysname} {os.uname().release}"
    remedy = "only to drive an arm from this machine: PREEMPT_RT (docs/hardware.md)"
    checks = [
        ok("kernel", f"{kernel}, real-time")
        if realtime
        else warning("kernel", f"{kernel}, not real-time", remedy)
    ]
    import resource

    priority = resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    memory = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    locked = "unlimited" if memory == resource.RLIM_INFINITY else f"{memory / MB:.1f} MB"
    found = f"rtprio {priority}, memlock {locked}"
    if os.geteuid() != 0 and (priority < 80 or memory != resource.RLIM_INFINITY):
        remedy = (
            "only to drive an arm: rtprio 99 and memlock unlimited in /etc/security/limits.conf"
        )
        checks.append(warning("limits", found, remedy))
    else:
        checks.append(ok("limits", found + (" (root)" if os.geteuid() == 0 else "")))
    return checks


def check_disk(out: Path) -> list[Check]:
    """Free space and the speed of durable writes where data will be recorded."""
    folder = out
    while not folder.is_dir():
        folder = folder.parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    remedy = "make room, or record on another disk: --out"
    if free_gb < MIN_FREE_GB:
        return [missing("disk", f"{free_gb:.1f} GB free at {folder}", remedy, required=True)]
    try:
        speed = write_speed(folder)
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror}"
        return [missing("disk", found, "choose a writable folder: --out", required=True)]
    found = f"{speed:.0f} MB/s durable, {free_gb:.0f} GB free at {folder.resolve()}"
    if speed < SLOW_MB_S:
        return [warning("disk", found, "a set of two VGA cameras takes 5 MB/s; try another disk")]
    if free_gb < FEW_GB:
        return [warning("disk", found, remedy)]
    return [ok("disk", found)]


def write_speed(folder: Path, megabytes: int = WRITE_MB) -> float:
    """MB/s of writing random bytes and syncing them; the file is removed."""
    block = os.urandom(MB)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".visuomotor-doctor-") as file:
        start = time.perf_counter()
        for _ in range(megabytes):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return megabytes / (time.perf_counter() - start)


MACHINE_CHECKS: list[tuple[str, Callable[[], list[Check]]]] = [
    ("cores", check_cores),
    ("shared memory", check_shared_memory),
    ("clock", check_clock),
    ("kernel", check_realtime),
]
