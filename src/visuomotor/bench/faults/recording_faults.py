"""Disks that take no more, and a second recorder."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from visuomotor.bench.faults.fault import Fault
from visuomotor.bench.faults.rig import Rig
from visuomotor.errors import RobotError
from visuomotor.recording.bag import PARTIAL
from visuomotor.ros import topics

DISK_MB = 400
"""Of the small disk, in memory; MIN_FREE_MB is the recorder's reserve on it."""
MIN_FREE_MB = 50.0
UNWRITTEN_S = 1.5
"""Of an episode that the disk cuts short, so much had not reached it yet."""


def limit(rig: Rig) -> None:
    """The recorder's files may grow no further than they are."""
    assert rig.episode is not None
    partial = rig.episode.with_name(rig.episode.name + PARTIAL)
    largest = max((f.stat().st_size for f in partial.iterdir()), default=0)
    _limit(rig, largest + 1)


def unlimited(rig: Rig) -> None:
    """They may again."""
    _limit(rig, -1)


def _limit(rig: Rig, size: int) -> None:
    pid = rig.pid("recorder")
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


class Fill:
    """Fills the recorder's disk until left_mb are free."""

    def __init__(self, left_mb: float) -> None:
        self._left = round(1e6 * left_mb)

    def __call__(self, rig: Rig) -> None:
        """Writes a file beside the episodes."""
        ballast = _ballast(rig)
        size = shutil.disk_usage(ballast.parent).free - self._left
        block = bytes(1 << 20)
        try:
            with ballast.open("wb", buffering=0) as file:
                for _ in range(max(0, size // len(block))):
                    file.write(block)
                while not self._left:  # to the last byte
                    file.write(block[:512])
        except OSError:  # full, which was wanted
            return


def freed(rig: Rig) -> None:
    """The disk has room again."""
    _ballast(rig).unlink(missing_ok=True)


def _ballast(rig: Rig) -> Path:
    assert rig.episode is not None
    return rig.episode.parent.parent / "ballast"


def small_disk(folder: Path) -> bool:
    """Whether a small disk could be mounted on the folder; `unmount` it."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    try:
        return subprocess.run(words, capture_output=True).returncode == 0
    except OSError:
        return False


def unmount(folder: Path) -> None:
    """Takes the small disk away."""
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def second_recorder(rig: Rig) -> None:
    """Another process of the same node on the same dataset, which records as well."""
    assert rig.episode is not None
    dataset = rig.episode.parent.parent
    rig.add("recorder", dataset=str(dataset), cameras="[front,side]", task="lift")
    rig.cell.wait(lambda: rig.cell.count_services("recorder/start") > 1, "a second recorder", 30.0)
    try:  # the first refuses, for it records; the second begins
        rig.ask(topics.RECORDER_START)
    except RobotError as error:
        if "already recording" not in str(error):
            raise


def faults(disk: bool) -> Iterator[Fault]:
    """All of them; disk: on a small one."""
    yield Fault(
        "the disk takes no more",
        "the recorder's files may not grow (RLIMIT_FSIZE) for 3 s",
        limit,
        unlimited,
        arm="goes on",
        lasts_s=3.0,
        episode=("kept", "repaired"),
        may_lose_s=UNWRITTEN_S,
    )
    if disk:
        yield Fault(
            "the disk is full",
            f"a file fills the disk of {DISK_MB} MB for 3 s",
            Fill(0.0),
            freed,
            arm="goes on",
            lasts_s=3.0,
            episode=("kept", "repaired"),
            may_lose_s=UNWRITTEN_S,
        )
        yield Fault(
            "the disk falls below the reserve",
            f"a file leaves half of min_free_mb, {MIN_FREE_MB:g} MB, for 3 s",
            Fill(MIN_FREE_MB / 2),
            freed,
            arm="goes on",
            lasts_s=3.0,
        )
    yield Fault(
        "two recorders",
        "a second process of the node on the same dataset records as well",
        second_recorder,
        lambda rig: rig.remove_added(),
        arm="goes on",
        lasts_s=3.0,
    )
