"""Lets at most one set through per period, without a grid that could beat with the cameras."""

from __future__ import annotations


class RateGate:
    """The generic cell rate algorithm (ITU-T I.371) on stamps, with half a period of slack.

    A set passes if its stamp is no earlier than `earliest_ns`. There is no fixed grid, so a
    camera at the gate's own rate passes wholly if its jitter stays within a quarter of a period,
    at any phase; faster cameras (30, 60, 90 Hz) average to the rate, never nearer together than
    half a period. Taking the earliest set that passes emits as many as any other choice would.
    What has passed one gate passes another of the same rate.
    """

    def __init__(self, rate_hz: float) -> None:
        self.period_ns = round(1e9 / rate_hz)
        self.earliest_ns: int | None = None

    def admits(self, stamp_ns: int) -> bool:
        """Whether a set at this stamp may pass now."""
        return self.earliest_ns is None or stamp_ns >= self.earliest_ns

    def pass_(self, stamp_ns: int) -> None:
        """Notes that a set has passed."""
        slack = self.period_ns // 2
        due = stamp_ns if self.earliest_ns is None else max(stamp_ns, self.earliest_ns + slack)
        self.earliest_ns = due + self.period_ns - slack

    def reset(self) -> None:
        """Forgets all that passed."""
        self.earliest_ns = None
