"""Whether one node alone sends targets for a source."""

from __future__ import annotations

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


def contested(source: str) -> str:
    """Why the arm holds while several send for a source."""
    return f"{source}: two nodes send targets; end one of them"
