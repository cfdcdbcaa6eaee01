"""One command per control step: when the next is due, and how many steps had none."""

from __future__ import annotations

from visuomotor.contracts import STEP_NS


class Cadence:
    """Notes the commands of one episode."""

    def __init__(self) -> None:
        self._missed = 0
        self.clear()

    def clear(self) -> None:
        """Begins afresh; the steps that were missed stay counted."""
        self._slot_ns: int | None = None
        self.last_ns: int | None = None
        """When the last command went out; None before the first."""

    def stop(self, now_ns: int) -> None:
        """Ends the episode: steps without a command are none that was missed any more."""
        self._missed = self.missed(now_ns)
        self.clear()

    def due(self, now_ns: int, middle_ns: int) -> bool:
        """Whether the next command is due.

        middle_ns: the middle of any control step of the chunk at work. Commands stay there, where
        no jitter makes them skip an action or give one twice.
        """
        return now_ns >= self._next_ns(now_ns, middle_ns)

    def note(self, now_ns: int, middle_ns: int) -> None:
        """Counts a command."""
        due_ns = self._next_ns(now_ns, middle_ns)
        self._slot_ns = due_ns if 0 <= now_ns - due_ns < STEP_NS else now_ns
        self._missed += self._gap(now_ns)
        self.last_ns = now_ns

    def missed(self, now_ns: int) -> int:
        """Control steps without a command between the first one and now."""
        return self._missed + self._gap(now_ns)

    def silence_ns(self, now_ns: int) -> int:
        """How long ago the last command was; 0 before the first."""
        return 0 if self.last_ns is None else max(0, now_ns - self.last_ns)

    def _gap(self, now_ns: int) -> int:
        return max(0, round(self.silence_ns(now_ns) / STEP_NS) - 1)

    def _next_ns(self, now_ns: int, middle_ns: int) -> int:
        if self._slot_ns is None:
            return now_ns
        earliest = self._slot_ns + STEP_NS // 2
        return earliest + (middle_ns - earliest) % STEP_NS
