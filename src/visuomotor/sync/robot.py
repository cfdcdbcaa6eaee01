"""Robot streams that are interpolated to a set's stamp; never extrapolated."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Generic, TypeVar

from visuomotor.sync.buffer import StampedBuffer
from visuomotor.sync.statistics import StreamCounter

V = TypeVar("V")


class Sample(Generic[V]):
    """One value and whether a set has used it."""

    __slots__ = ("used", "value")

    def __init__(self, value: V) -> None:
        self.value = value
        self.used = False


class InterpolatedStream(Generic[V]):
    """Samples around the stamps of the sets to come.

    interpolate(a, b, alpha) gives the value between two samples (alpha 0: a, 1: b).
    """

    def __init__(
        self,
        name: str,
        max_bracket_ns: int,
        buffer_ns: int,
        max_samples: int,
        interpolate: Callable[[V, V, float], V],
    ) -> None:
        self.counter = StreamCounter(name)
        self._max_bracket_ns = max_bracket_ns
        self._buffer_ns = buffer_ns
        self._max_samples = max_samples
        self._interpolate = interpolate
        self._samples: StampedBuffer[Sample[V]] = StampedBuffer()

    def add(self, stamp_ns: int, value: V) -> None:
        """Keeps the sample, or counts why not."""
        counter, samples = self.counter, self._samples
        newest = counter.newest_ns
        if newest is not None and stamp_ns <= newest:
            if stamp_ns in samples or stamp_ns == newest:
                counter.drop("duplicate")
                return
            if samples.stamps and stamp_ns < samples.stamps[0]:
                counter.drop("out_of_order")
                return
        else:
            counter.newest_ns = newest = stamp_ns
        samples.insert(stamp_ns, Sample(value))
        if newest - samples.stamps[0] > self._buffer_ns:
            # Sets can wait for cameras longer than the buffer; keep what brackets its edge.
            self._forget(bisect_left(samples.stamps, newest - self._buffer_ns) - 1, "rate")
        if len(samples) > self._max_samples:
            self._forget(len(samples) - self._max_samples, "buffer_full")

    def covers(self, stamp_ns: int) -> bool | None:
        """Whether the value at the stamp can be had: yes, never (False), or not yet (None)."""
        stamps = self._samples.stamps
        if not stamps or stamps[-1] < stamp_ns:
            return None
        i = bisect_left(stamps, stamp_ns)
        if stamps[i] == stamp_ns:
            return True
        return i > 0 and stamps[i] - stamps[i - 1] <= self._max_bracket_ns

    def at(self, stamp_ns: int) -> tuple[V, int]:
        """The value at a stamp that is covered, and the distance to the nearer sample in ns.

        Samples before the bracket are forgotten: sets come in order.
        """
        stamps, items = self._samples.stamps, self._samples.items
        i = bisect_left(stamps, stamp_ns)
        if stamps[i] == stamp_ns:
            value = items[i].value
            self._use(items[i : i + 1], 0)
            self._forget(i, "rate")
            return value, 0
        before, after = stamps[i - 1], stamps[i]
        alpha = (stamp_ns - before) / (after - before)
        value = self._interpolate(items[i - 1].value, items[i].value, alpha)
        skew = min(stamp_ns - before, after - stamp_ns)
        self._use(items[i - 1 : i + 1], skew)
        self._forget(i - 1, "rate")
        return value, skew

    def clear(self, reason: str) -> None:
        """Drops every sample."""
        self._forget(len(self._samples), reason)
        self.counter.newest_ns = None

    @property
    def buffered(self) -> int:
        """Samples that wait and that no set has used."""
        return sum(not s.used for s in self._samples.items)

    def _use(self, samples: list[Sample[V]], skew_ns: int) -> None:
        self.counter.skews.append(skew_ns)
        for sample in samples:
            self.counter.used += not sample.used
            sample.used = True

    def _forget(self, count: int, reason: str) -> None:
        if count > 0:
            for sample in self._samples.take_first(count):
                if not sample.used:
                    self.counter.drop(reason)
