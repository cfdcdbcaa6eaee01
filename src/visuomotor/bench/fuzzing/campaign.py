"""Many cases of many targets: run, counted, and every input that is a defect kept as a file."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from visuomotor.bench.fuzzing.judging import Bounds, Verdict
from visuomotor.bench.fuzzing.worker import CRASH, INPUT, Job, Report, run_jobs

KEPT = 3
"""Inputs of one kind of defect that are kept."""
SILENT_S = 60.0
"""A worker that reports nothing for so long waits for something that never comes."""

_OPENING_S = 600.0
"""What importing may take on a busy machine."""

Watch = Callable[[str, int], None]


@dataclass
class Tally:
    """What became of one target's cases; missing: why it could not be tried here."""

    accepted: int = 0
    refused: int = 0
    defects: Counter[str] = field(default_factory=Counter)
    kept: list[Path] = field(default_factory=list)
    missing: str = ""

    @property
    def cases(self) -> int:
        """How many there were."""
        return self.accepted + self.refused + sum(self.defects.values())


@dataclass(frozen=True)
class Campaign:
    """seed: decides every input. findings: folder of the inputs that are defects.

    silent_s: as SILENT_S.
    """

    findings: Path
    seed: int = 0
    bounds: Bounds = Bounds()
    silent_s: float = SILENT_S

    def run(self, jobs: Sequence[Job], watch: Watch = lambda _, __: None) -> dict[str, Tally]:
        """Runs the jobs in one worker process, and in another one after each that died.

        watch: told the target and how many of its cases are done.
        """
        tallies = {job.name: Tally() for job in jobs}
        left = [job for job in jobs if job.first < job.stop]
        while left:
            left = self._work(left, tallies, watch)
        return tallies

    def _work(self, jobs: list[Job], tallies: dict[str, Tally], watch: Watch) -> list[Job]:
        """The jobs that are left when the worker has ended, however it did."""
        spawn = multiprocessing.get_context("spawn")
        reports, theirs = spawn.Pipe(duplex=False)
        current = spawn.Value("q", -1)
        left, why = list(jobs), "the process died"
        with tempfile.TemporaryDirectory(prefix="visuomotor-fuzz-") as folder:
            worker = spawn.Process(
                target=run_jobs,
                args=(jobs, self.seed, folder, self.bounds, theirs, current),
                daemon=True,
            )
            worker.start()
            theirs.close()
            try:
                while reports.poll(self.silent_s) or (
                    current.value < 0 and reports.poll(_OPENING_S)
                ):
                    left = self._take(reports.recv(), left, tallies, watch)
                why = f"silent for {self.silent_s:g} s"
            except EOFError:
                worker.join(10.0)
            worker.kill()
            worker.join()
            if not left:
                return []
            job = left[0]
            if current.value < 0:
                raise RuntimeError(f"{job.name}: {why} outside a case ({worker.exitcode})")
            what = f"{why}: {_place((Path(folder) / CRASH).read_text())}"
            data = (Path(folder) / INPUT).read_bytes()
        report = Report(job.name, current.value, Verdict("defect", what), data)
        return self._take(report, left, tallies, watch)

    def _take(
        self, report: Report, left: list[Job], tallies: dict[str, Tally], watch: Watch
    ) -> list[Job]:
        if report.case == -2:
            raise RuntimeError(f"{report.name}: {report.verdict.what}")
        tally, what = tallies[report.name], report.verdict.what
        at = next(i for i, job in enumerate(left) if job.name == report.name)
        if report.case == -1:
            tally.missing = what
            return left[at + 1 :]
        if report.verdict.outcome == "accepted":
            tally.accepted += 1
        elif report.verdict.outcome == "refused":
            tally.refused += 1
        else:
            tally.defects[what] += 1
            if tally.defects[what] <= KEPT:
                tally.kept.append(self._keep(report))
        watch(report.name, tally.cases)
        done = report.case + 1
        rest = left[at + 1 :]
        return [replace(left[at], first=done), *rest] if done < left[at].stop else rest

    def _keep(self, report: Report) -> Path:
        self.findings.mkdir(parents=True, exist_ok=True)
        name = report.name.replace(":", ".")
        path = self.findings / f"{name}_{self.seed}_{report.case}"
        path.write_bytes(report.data)
        path.with_name(f"{path.name}.txt").write_text(f"{report.verdict.what}\n")
        return path


def _place(stack: str) -> str:
    """The innermost line of ours in what faulthandler wrote, or nothing."""
    lines = [x.strip() for x in stack.splitlines() if "/visuomotor/" in x and "/fuzzing/" not in x]
    return lines[0].rpartition("/visuomotor/")[2].replace('", line ', ":") if lines else ""
