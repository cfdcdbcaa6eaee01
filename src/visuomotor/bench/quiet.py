"""Whether a shared machine has its speed, and how much of it others took while something ran."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from visuomotor.slow import slowed_by

SLOWER = 1.5
"""More than so many times the shortest time of all is not quiet."""
MOST_STOLEN = 0.05
"""A virtual machine that was refused more of the time it asked for than this is not quiet; in time
slowed n times it needs but 1 / n of it."""
_STAT = Path("/proc/stat")
_PROBE = """
import time
start = time.perf_counter()
n = 0
for k in range(6_000_000):
    n += k
print(time.perf_counter() - start)
"""


class StolenTime:
    """The share of the processor time asked for on this machine that its host gave to others.

    From `steal` in /proc/stat (proc(5)); 0 on a machine of one's own, and where there is no /proc.
    """

    def __init__(self, stat: Path = _STAT) -> None:
        self._stat = stat
        self._last = self._read()

    def share(self) -> float:
        """Between 0 and 1, since the last call."""
        last, self._last = self._last, self._read()
        asked, stolen = (b - a for a, b in zip(last, self._last, strict=True))
        return stolen / asked if asked > 0 else 0.0

    def _read(self) -> tuple[int, int]:
        """Ticks asked for, and of these the stolen ones."""
        if not self._stat.exists():
            return 0, 0
        user, nice, system, _, _, irq, softirq, steal = map(
            int, self._stat.read_text().splitlines()[0].split()[1:9]
        )
        return user + nice + system + irq + softirq + steal, steal


def most_stolen() -> float:
    """The largest share that a graph does not feel: MOST_STOLEN, more in slowed time."""
    return 1.0 - (1.0 - MOST_STOLEN) / slowed_by()


class QuietMachine:
    """Times a fixed computation on two cores at once: what others do to this machine shows there.

    The measure knows nothing of what is compared, so a comparison may wait for it.
    """

    def __init__(self, cores: int = 2) -> None:
        self._cores = min(cores, os.cpu_count() or 1)
        self.times_s: list[float] = []
        """Of every probe so far, the slower core's."""

    def probe(self) -> bool:
        """Whether the machine is about as fast now as it has ever been, and nothing is stolen."""
        stolen = StolenTime()
        command = [sys.executable, "-c", _PROBE]
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(self._cores)
        ]
        self.times_s.append(max(float(p.communicate()[0]) for p in running))
        slower = SLOWER * slowed_by()
        return self.times_s[-1] <= slower * min(self.times_s) and stolen.share() <= most_stolen()

    def wait(self, longest_s: float, pause_s: float = 5.0) -> bool:
        """Until it is quiet; False if it was not within so long."""
        end = time.monotonic() + longest_s
        while not self.probe():
            if time.monotonic() >= end:
                return False
            time.sleep(pause_s)
        return True
