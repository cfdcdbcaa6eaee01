"""What a running graph achieves: rate, missed deadlines, image stamp -> command latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from visuomotor.contracts import STEP_NS
from visuomotor.control import Limits

DEADLINE_NS = 2 * STEP_NS
"""A set without an accepted command this long after its stamp missed its deadline."""


ONE_HOP_LESS = {"sync": "false", "source": "raw"}
"""Launch arguments: the policy runs rgbd_sync's synchroniser in its own process, and images cross
the graph once. Nothing else listens to the synchronised sets while a policy is measured."""


@dataclass
class LoopLog:
    """Stamps of one stretch in which the policy acted, in ns of the ROS clock.

    sets: stamps of the synchronised sets. steps: (observation stamp, target position) of every
    policy step. commands: (acceptance stamp, position) of every accepted target.
    """

    sets: list[int] = field(default_factory=list)
    steps: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)
    commands: list[tuple[int, tuple[float, ...]]] = field(default_factory=list)

    def latencies_ns(self) -> dict[int, int]:
        """Observation stamp -> time until its command was accepted, matched by position.

        A target outside the workspace is accepted at the workspace's border.
        """
        limits = Limits()
        result: dict[int, int] = {}
        start = 0
        for stamp, wished in self.steps:
            position = np.clip(wished, limits.lower, limits.upper)
            for i in range(start, len(self.commands)):
                accepted, commanded = self.commands[i]
                if accepted >= stamp and np.allclose(position, commanded, atol=1e-7):
                    result[stamp] = accepted - stamp
                    start = i + 1
                    break
        return result


@dataclass(frozen=True)
class LoopFigures:
    """The figures over one or several stretches."""

    rate_hz: float
    missed_deadline_fraction: float
    latencies_ms: list[float]
    intervals_ms: list[float]

    def latency_ms(self) -> dict[str, float]:
        """The median and the 95th percentile."""
        if not self.latencies_ms:
            return {"p50": float("nan"), "p95": float("nan")}
        p50, p95 = np.percentile(self.latencies_ms, (50, 95))
        return {"p50": round(float(p50), 2), "p95": round(float(p95), 2)}


def loop_figures(logs: Sequence[LoopLog]) -> LoopFigures:
    """The figures of all stretches together.

    A deadline is every 50 ms slot from a stretch's first step to its last command: one without a
    set, and one whose set has no command within 100 ms, count as missed.
    """
    slots = met = 0
    duration_ns = 0
    intervals: list[float] = []
    latencies: list[float] = []
    for log in logs:
        if not log.steps or len(log.commands) < 2:
            continue
        first, last = log.steps[0][0], log.commands[-1][0]
        latency = log.latencies_ns()
        latencies += [v * 1e-6 for v in latency.values()]
        slots += max(round((log.steps[-1][0] - first) / STEP_NS) + 1, 1)
        met += sum(1 for v in latency.values() if v <= DEADLINE_NS)
        stamps = [s for s, _ in log.commands if first <= s <= last]
        intervals += (np.diff(stamps) * 1e-6).tolist()
        duration_ns += stamps[-1] - stamps[0]
    if not slots or not duration_ns:
        return LoopFigures(0.0, 1.0, [], [])
    return LoopFigures(
        round(len(intervals) / (duration_ns * 1e-9), 3),
        round(max(0.0, 1.0 - met / slots), 5),
        [round(v, 3) for v in latencies],
        [round(v, 3) for v in intervals],
    )
