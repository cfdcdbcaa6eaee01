"""Gripper commands on the edge: a width goes to the hand once, and only when it differs."""

from __future__ import annotations


class GripperEdge:
    """The width wished last, and whether the hand has yet to hear of it."""

    def __init__(self, tolerance_m: float) -> None:
        self._tolerance_m = tolerance_m
        self.wished_m: float | None = None
        self.sent_m: float | None = None
        self._due = False

    def reset(self) -> None:
        """Forgets what was wished and sent: the next wish is a new one."""
        self.wished_m = self.sent_m = None
        self._due = False

    def wish(self, width_m: float) -> None:
        """A full width in m; a change within the tolerance is no new command."""
        self.wished_m = width_m
        self._due = self.sent_m is None or abs(width_m - self.sent_m) > self._tolerance_m

    def take(self) -> float | None:
        """The width to command now, or None."""
        if not self._due:
            return None
        self._due, self.sent_m = False, self.wished_m
        return self.sent_m
