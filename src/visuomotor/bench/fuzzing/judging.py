"""One input, one verdict: used, refused with an error of ours, or a defect."""

from __future__ import annotations

import resource
import signal
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal

from visuomotor.bench.fuzzing.target import Target, Violation
from visuomotor.errors import VisuomotorError

Outcome = Literal["accepted", "refused", "defect"]
LONGEST_TEXT = 100_000
"""Characters of an error that a person may have to read."""
_PEAK, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Verdict:
    """what: for a defect its kind and place, the same for all inputs that lead to it."""

    outcome: Outcome
    what: str = ""


@dataclass(frozen=True)
class Bounds:
    """What one case may take: seconds of processor time, and memory beyond that before it."""

    cpu_s: float = 5.0
    memory_mb: float = 500.0
    address_mb: float = 4000.0  # beyond it the kernel gives no more: MemoryError


class TookTooLong(BaseException):
    """The alarm; not an Exception, so that nothing swallows it."""


def judge(target: Target, data: bytes, bounds: Bounds) -> Verdict:
    """Gives the input to the target; call it in a process's main thread, the alarm's."""
    before_mb = _begin_mb()
    try:
        signal.setitimer(signal.ITIMER_PROF, bounds.cpu_s)
        target.use(data)
        verdict = Verdict("accepted")
    except VisuomotorError as error:
        length = len(str(error))
        verdict = Verdict("refused")
        if length > LONGEST_TEXT:
            verdict = Verdict("defect", f"an error of more than {LONGEST_TEXT} characters")
    except TookTooLong as error:
        verdict = Verdict("defect", f"more than {bounds.cpu_s:g} s: {_place(error)}")
    except Violation as error:
        verdict = Verdict("defect", str(error))
    except Exception as error:
        verdict = Verdict("defect", f"{type(error).__name__}: {_place(error)}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
    grown_mb = peak_mb() - before_mb
    if verdict.outcome != "defect" and grown_mb > bounds.memory_mb:
        return Verdict("defect", f"more than {bounds.memory_mb:g} MB")
    return verdict


def arm(bounds: Bounds) -> None:
    """Makes this process interrupt a case that takes too long, and bounds its memory."""
    signal.signal(signal.SIGPROF, _too_long)
    size_kb = _status("VmSize")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = size_kb * 1024 + round(bounds.address_mb * 1e6)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def peak_mb() -> float:
    """The most memory that this process held since `_begin_mb`."""
    return _status("VmHWM") / 1e3


def _begin_mb() -> float:
    try:
        _RESET.write_text("5")  # the peak becomes what is held now
    except OSError:
        return peak_mb()  # then only what goes beyond all cases before counts
    return _status("VmRSS") / 1e3


def _status(name: str) -> int:
    for line in _PEAK.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise OSError(f"{_PEAK}: no {name}; fuzzing needs Linux")


def _place(error: BaseException) -> str:
    """The innermost line of ours that it passed, and what it says there."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/visuomotor/" in f.filename and "/fuzzing/" not in f.filename]
    frame = (ours or list(frames))[-1]
    name = frame.filename.rpartition("/visuomotor/")[2]
    return f"{name}:{frame.lineno} in {frame.name}"


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TookTooLong
