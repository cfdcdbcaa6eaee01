"""Whether one node alone sends targets for a source."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal

QUIET_S = 0.5
"""A sender that is silent for so long is gone."""


class Senders:
    """The nodes that were heard lately, by whatever tells them apart."""

    def __init__(self) -> None:
        self._heard_ns: dict[str, int] = {}

    def hear(self, sender: str, now_ns: int) -> None:
        """A message of this sender; "" where the middleware does not tell."""
        if sender:
            self._heard_ns[sender] = now_ns

    def several(self, now_ns: int) -> bool:
        """Whether more than one was heard of late."""
        quiet_ns = round(QUIET_S * 1e9)
        return sum(abs(now_ns - heard) <= quiet_ns for heard in self._heard_ns.values()) > 1


class Contest:
    """Whether more than one node sends poses, or widths, for a source."""

    def __init__(self) -> None:
        self._senders: defaultdict[tuple[str, str], Senders] = defaultdict(Senders)

    def hear(self, source: str, kind: Literal["pose", "width"], sender: str, now_ns: int) -> None:
        """A message of this sender for the source."""
        self._senders[source, kind].hear(sender, now_ns)

    def several(self, source: str, now_ns: int) -> bool:
        """Whether two nodes or more were heard of late."""
        return any(
            senders.several(now_ns) for (of, _), senders in self._senders.items() if of == source
        )


def contested(source: str) -> str:
    """Why the arm holds while several send for a source."""
    return f"{source}: two nodes send targets; end one of them"
