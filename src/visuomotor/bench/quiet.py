"""Whether a shared machine has its speed now, asked before and after what must run in real time."""

from __future__ import annotations

import os
import subprocess
import sys
import time

SLOWER = 1.5
"""More than so many times the shortest time of all is not quiet."""
_PROBE = """
import time
start = time.perf_counter()
n = 0
for k in range(6_000_000):
    n += k
print(time.perf_counter() - start)
"""


class QuietMachine:
    """Times a fixed computation on two cores at once: what others do to this machine shows there.

    The measure knows nothing of what is compared, so a comparison may wait for it.
    """

    def __init__(self, cores: int = 2) -> None:
        self._cores = min(cores, os.cpu_count() or 1)
        self.times_s: list[float] = []
        """Of every probe so far, the slower core's."""

    def probe(self) -> bool:
        """Whether the machine is about as fast now as it has ever been."""
        command = [sys.executable, "-c", _PROBE]
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(self._cores)
        ]
        self.times_s.append(max(float(p.communicate()[0]) for p in running))
        return self.times_s[-1] <= SLOWER * min(self.times_s)

    def wait(self, longest_s: float, pause_s: float = 10.0) -> bool:
        """Until it is quiet; False if it was not within so long."""
        end = time.monotonic() + longest_s
        while not self.probe():
            if time.monotonic() >= end:
                return False
            time.sleep(pause_s)
        return True
