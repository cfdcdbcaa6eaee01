"""What became of every message, and how the sets come: for diagnostics and sidecars."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

REASONS = {
    "late": "came after the set of its time was emitted or given up",
    "out_of_order": "came behind a newer message of its stream, too late for its set",
    "duplicate": "the stream had this stamp already",
    "no_partner": "another stream has nothing to go with it",
    "rate": "came sooner after the last set than rate_hz allows, or no set needed it",
    "no_robot": "its set was complete, but robot samples around its stamp are missing",
    "no_calibration": "its set was complete, but intrinsics or extrinsics are missing",
    "bad_size": "an image of the wrong type or size, or unlike its camera_info or its colour",
    "bad_value": "a robot sample that is not finite or not a pose",
    "clock_jump": "was waiting when the stamps jumped by more than a second",
    "buffer_full": "more messages were waiting than max_buffered",
}
"""Why a message is in no set; every one that is not used has exactly one of these."""

Percentiles = tuple[float, float, float]


@dataclass(frozen=True)
class StreamStats:
    """One stream: received == used + sum(dropped) + buffered.

    rate_hz over the last messages; age_s since the last receipt (infinite: never received);
    skew_ms: p50, p95, max of the distance to the set's stamp, None before the first set.
    """

    rate_hz: float
    age_s: float
    received: int
    used: int
    buffered: int
    dropped: Mapping[str, int]
    skew_ms: Percentiles | None
    dead: bool


@dataclass(frozen=True)
class SyncStats:
    """The synchroniser at one instant.

    rate_hz of the last sets. latency_ms: p50, p95, max from a set's stamp to its emission.
    refused: complete sets that were not emitted, by reason. dead: streams that are silent;
    status: one line for a person, which names them; ok: whether sets can come.
    """

    emitted: int
    rate_hz: float
    latency_ms: Percentiles | None
    refused: Mapping[str, int]
    clock_jumps: int
    streams: Mapping[str, StreamStats]
    dead: tuple[str, ...]
    status: str
    ok: bool

    def rows(self) -> dict[str, dict[str, str]]:
        """Name -> {key: value}, as diagnostics show it."""
        sets = {
            "status": self.status,
            "emitted": str(self.emitted),
            "rate_hz": f"{self.rate_hz:.2f}",
            "latency_ms p50/p95/max": _text(self.latency_ms),
            "clock_jumps": str(self.clock_jumps),
            **{f"refused {k}": str(v) for k, v in sorted(self.refused.items())},
        }
        rows = {"sets": sets}
        for name, s in self.streams.items():
            rows[name] = {
                "state": "dead" if s.dead else "alive",
                "rate_hz": f"{s.rate_hz:.2f}",
                "age_s": f"{s.age_s:.3f}",
                "skew_ms p50/p95/max": _text(s.skew_ms),
                "received": str(s.received),
                "used": str(s.used),
                "buffered": str(s.buffered),
                **{f"dropped {k}": str(v) for k, v in sorted(s.dropped.items())},
            }
        return rows


class StreamCounter:
    """Counts one stream's messages; `newest_ns` is its newest stamp since the last clear."""

    __slots__ = ("dropped", "name", "newest_ns", "receipts", "received", "skews", "used")

    def __init__(self, name: str) -> None:
        self.name = name
        self.received = 0
        self.used = 0
        self.dropped: Counter[str] = Counter()
        self.newest_ns: int | None = None
        self.receipts: deque[int] = deque(maxlen=101)
        self.skews: deque[int] = deque(maxlen=400)

    def drop(self, reason: str) -> None:
        """One message that no set will have."""
        self.dropped[reason] += 1

    def use(self, skew_ns: int) -> None:
        """One message that a set has, this far from the set's stamp."""
        self.used += 1
        self.skews.append(abs(skew_ns))

    def dead(self, now_ns: int, dead_after_ns: int) -> bool:
        """Whether nothing came for dead_after_ns."""
        return not self.receipts or now_ns - self.receipts[-1] > dead_after_ns

    def stats(self, buffered: int, now_ns: int, dead_after_ns: int) -> StreamStats:
        """This stream now."""
        dead = self.dead(now_ns, dead_after_ns)
        return StreamStats(
            rate_hz=0.0 if dead else rate_hz(self.receipts),
            age_s=(now_ns - self.receipts[-1]) / 1e9 if self.receipts else math.inf,
            received=self.received,
            used=self.used,
            buffered=buffered,
            dropped=dict(self.dropped),
            skew_ms=percentiles_ms(self.skews),
            dead=dead,
        )


def rate_hz(times_ns: deque[int]) -> float:
    """Mean rate of events at these times; 0 for fewer than two."""
    if len(times_ns) < 2 or times_ns[-1] <= times_ns[0]:
        return 0.0
    return (len(times_ns) - 1) * 1e9 / (times_ns[-1] - times_ns[0])


def percentiles_ms(values_ns: Iterable[int]) -> Percentiles | None:
    """p50, p95 and max in ms (nearest rank); None for no values."""
    ordered = sorted(values_ns)
    if not ordered:
        return None
    last = len(ordered) - 1
    p50, p95 = ordered[math.ceil(0.5 * last)], ordered[math.ceil(0.95 * last)]
    return p50 / 1e6, p95 / 1e6, ordered[-1] / 1e6


def _text(values: Percentiles | None) -> str:
    return "-" if values is None else " / ".join(f"{v:.2f}" for v in values)
