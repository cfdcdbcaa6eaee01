"""What the nodes report about themselves, sorted for a page; no clock, no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SILENT_S = 3.0
"""A node that reported longer ago is not up, or hangs."""
FORGOTTEN_S = 30.0
_SKEW = "skew_ms p50/p95/max"


@dataclass(frozen=True)
class Report:
    """One status: level 0 good, 1 warning, 2 error; when it came, in ns."""

    level: int
    message: str
    values: Mapping[str, str]
    received_ns: int


class StatusBoard:
    """The newest report of each name; `state(now_ns)` is what a page shows."""

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}

    def add(self, name: str, report: Report) -> None:
        """Takes a report."""
        self._reports[name] = report

    def state(self, now_ns: int) -> dict[str, Any]:
        """bridge, counters, recorder, policy, sim (None where nobody reports); streams; others."""
        fresh = {
            name: report
            for name, report in sorted(self._reports.items())
            if now_ns - report.received_ns < FORGOTTEN_S * 1e9
        }
        known = ("bridge", "counters", "recorder", "policy", "sim")
        shown: dict[str, Any] = {name: _shown(fresh.pop(name, None), now_ns) for name in known}
        shown["streams"] = [
            stream_row(name, fresh.pop(name), now_ns)
            for name in list(fresh)
            if "rate_hz" in fresh[name].values
        ]
        shown["others"] = {name: _shown(report, now_ns) for name, report in fresh.items()}
        return shown


def stream_row(name: str, report: Report, now_ns: int) -> dict[str, Any]:
    """One stream: rate, age, skew, how many were dropped and why.

    spare: messages that no set needed, since they come faster than sets; no loss.
    """
    values = report.values
    drops = {
        key.partition(" ")[2]: int(count)
        for key, count in values.items()
        if key.startswith(("dropped ", "refused ")) and count.isdigit() and int(count)
    }
    spare = drops.pop("rate", 0)
    dead = values.get("state") == "dead"
    return {
        "name": name,
        "level": 2 if dead else 1 if "status" in values and report.level else 0,
        "rate_hz": values["rate_hz"],
        "age_s": values.get("age_s", ""),
        "skew_ms": values.get(_SKEW, ""),
        "latency_ms": values.get("latency_ms p50/p95/max", ""),
        "drops": drops,
        "spare": spare,
        "message": "silent" if dead else values.get("status", ""),
        "silent": _silent(report, now_ns),
    }


def _shown(report: Report | None, now_ns: int) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "level": report.level,
        "message": report.message,
        "values": dict(report.values),
        "silent": _silent(report, now_ns),
    }


def _silent(report: Report, now_ns: int) -> bool:
    return now_ns - report.received_ns > SILENT_S * 1e9
