"""`visuomotor doctor`: what this machine has, what it lacks, and how to get it."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from visuomotor.bench.calibration_checks import check_calibration
from visuomotor.bench.diagnosis import Check, warning
from visuomotor.bench.machine_checks import MACHINE_CHECKS, check_disk
from visuomotor.bench.software_checks import SOFTWARE_CHECKS

COLOURS = {"ok": "\033[32m", "warning": "\033[33m", "missing": "\033[31m"}


def diagnose(out: Path, calibration: Path = Path("calibration.yaml")) -> list[Check]:
    """Every check, in order; a check never raises.

    out: where data will be recorded. calibration: the file of the cameras, where there is one.
    """
    checks: list[tuple[str, Callable[[], list[Check]]]] = [
        *SOFTWARE_CHECKS,
        *MACHINE_CHECKS,
        ("disk", lambda: check_disk(out)),
        ("calibration", lambda: check_calibration(calibration, time.time_ns())),
    ]
    results: list[Check] = []
    for name, check in checks:
        try:
            results += check()
        except Exception as error:  # a diagnosis that crashes helps nobody
            text = " ".join(f"{type(error).__name__}: {error}".split())
            results.append(warning(name, f"could not be checked: {text[:200]}"))
    return results


def format_report(checks: Sequence[Check], width: int = 100, colour: bool = False) -> str:
    """The checks as a table, the way to get what is missing below each line that needs it."""
    names = max(len(c.name) for c in checks)
    lines = []
    for check in checks:
        status = f"{check.status:<7}"
        if colour:
            status = f"{COLOURS[check.status]}{status}\033[0m"
        indent = " " * (names + 11)
        found = textwrap.wrap(check.found, max(width - len(indent), 30)) or [""]
        lines.append(f"{check.name:<{names}}  {status}  {found[0]}")
        lines += [indent + line for line in found[1:]]
        if check.status != "ok" and check.remedy:
            lines += [
                f"{indent}-> {line}" if i == 0 else f"{indent}   {line}"
                for i, line in enumerate(textwrap.wrap(check.remedy, max(width - len(indent), 30)))
            ]
    return "\n".join(lines)


def print_report(checks: Sequence[Check]) -> int:
    """Prints the table and its summary; 1 if something required is missing, else 0."""
    print(format_report(checks, min(shutil.get_terminal_size().columns, 110), sys.stdout.isatty()))
    lacking = [c.name for c in checks if c.status == "missing"]
    required = [c.name for c in checks if c.status == "missing" and c.required]
    warnings = sum(c.status == "warning" for c in checks)
    print()
    if required:
        print(f"required and missing: {', '.join(required)}")
        return 1
    optional = f"; optional and missing: {', '.join(lacking)}" if lacking else ""
    print(f"everything required is there; {warnings} warnings{optional}")
    return 0
