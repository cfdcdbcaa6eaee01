"""What happens to single streams between a sensor and the graph, in words, to be switched on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

KINDS = {
    "dead": "nothing comes",
    "frozen": "its stamps stand still",
    "every N": "only each N-th message comes",
    "shift S": "its stamps are S seconds off",
}
_TEXT = re.compile(r"(\S+) (dead|frozen|every|shift)(?: (\S+))?")


@dataclass(frozen=True)
class StreamFault:
    """One fault of `front/color`, `front/depth`, `front` (all of that camera), `robot` or `all`.

    kind: one of KINDS. amount: N or S of those that have one.
    """

    stream: str
    kind: str
    amount: float = 0.0

    @staticmethod
    def parse(text: str, cameras: Sequence[str]) -> StreamFault:
        """Of words such as `front/depth dead` or `robot shift -10`; ValueError says what exists."""
        streams = ["all", "robot", *cameras]
        streams += [f"{c}/{part}" for c in cameras for part in ("color", "depth")]
        found = _TEXT.fullmatch(text)
        wants = f"expected a stream ({', '.join(streams)}) and one of {', '.join(KINDS)}"
        if found is None or found[1] not in streams:
            raise ValueError(f"stream_faults: got {text!r}, {wants}")
        has_amount = found[2] in ("every", "shift")
        try:
            amount = float(found[3]) if found[3] else 0.0
        except ValueError:
            raise ValueError(f"stream_faults: got {text!r}, {wants}") from None
        good = abs(amount) <= 3600 and (found[2] != "every" or (amount >= 1 and amount % 1 == 0))
        if has_amount != bool(found[3]) or not good:
            raise ValueError(f"stream_faults: got {text!r}, {wants}; N from 1, S up to an hour")
        return StreamFault(found[1], found[2], amount)

    def concerns(self, stream: str) -> bool:
        """Whether this is about a stream such as `front/color`."""
        return self.stream in ("all", stream, stream.partition("/")[0])


class FaultyStreams:
    """What several faults leave of the messages of all streams; not thread-safe per stream."""

    def __init__(self, faults: Sequence[StreamFault] = ()) -> None:
        self.faults = tuple(faults)
        self._frozen_ns: dict[str, int] = {}
        self._seen: Counter[str] = Counter()

    def stamp_ns(self, stream: str, stamp_ns: int) -> int | None:
        """The stamp that a message of `stream` is sent with; None: it is not sent."""
        for fault in self.faults:
            if not fault.concerns(stream):
                continue
            if fault.kind == "dead":
                return None
            if fault.kind == "every":
                self._seen[stream] += 1
                if self._seen[stream] % int(fault.amount):
                    return None
            elif fault.kind == "shift":
                stamp_ns += round(1e9 * fault.amount)
            else:
                stamp_ns = self._frozen_ns.setdefault(stream, stamp_ns)
        return stamp_ns
