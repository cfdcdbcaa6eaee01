"""100 000 damaged, foreign and malicious inputs to everything that reads something."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visuomotor.bench.fuzzing.campaign import Campaign, Tally
from visuomotor.bench.fuzzing.target import TARGETS
from visuomotor.bench.fuzzing.worker import Job
from visuomotor.bench.results import save_result

SEED = 0


def run(out: Path) -> dict[str, Any]:
    """Runs the whole campaign and writes `fuzz.json` into `out`; about half an hour."""
    findings = Path(tempfile.gettempdir()) / "visuomotor-fuzz-findings"
    print(f"inputs that are defects are kept in {findings}", flush=True)
    start_s = time.monotonic()
    tallies = fuzzed({name: entry.cases for name, entry in TARGETS.items()}, SEED, findings)
    print(summary(tallies), flush=True)
    figures = {
        "cases": sum(t.cases for t in tallies.values()),
        "defects": sum(sum(t.defects.values()) for t in tallies.values()),
        "seconds": round(time.monotonic() - start_s),
        "targets": {name: _figures(tally) for name, tally in tallies.items()},
    }
    limits = "what the generators think of; a case may take 5 s of processor time and 500 MB"
    return save_result(out / "fuzz.json", figures, limits, "visuomotor bench fuzz", [SEED])


def fuzzed(cases: Mapping[str, int], seed: int, findings: Path) -> dict[str, Tally]:
    """Runs so many cases of each target."""
    jobs = [Job(name, TARGETS[name].where, 0, count) for name, count in cases.items()]
    return Campaign(findings, seed).run(jobs, lambda name, done: _tell(name, done, cases[name]))


def summary(tallies: Mapping[str, Tally]) -> str:
    """One line a target, and one for each kind of defect with the first input kept."""
    lines = []
    for name, tally in tallies.items():
        if tally.missing:
            lines.append(f"{name:<18} not tried here: {tally.missing}")
            continue
        lines.append(
            f"{name:<18} {tally.cases:>6} cases {tally.accepted:>6} accepted "
            f"{tally.refused:>6} refused {sum(tally.defects.values()):>5} defects"
        )
        lines += [f"    {count} x {what}" for what, count in tally.defects.most_common()]
        lines += [f"    {path}" for path in tally.kept]
    return "\n".join(lines)


def _figures(tally: Tally) -> dict[str, Any]:
    if tally.missing:
        return {"not_tried": tally.missing}
    found = {"cases": tally.cases, "accepted": tally.accepted, "refused": tally.refused}
    return {**found, "defects": dict(tally.defects)}


def _tell(name: str, done: int, of: int) -> None:
    if done == of or (done % 1000 == 0 and not sys.stdout.isatty()):
        print(f"{name}: {done} of {of}", flush=True)
    elif sys.stdout.isatty() and done % 50 == 0:
        print(f"\r{name}: {done} of {of} ", end="", flush=True)
