"""A dead-man held on a page: what a browser sends counts only while it follows closely."""

from __future__ import annotations

import secrets
import threading

from visuomotor.errors import CommandError


class HeldButton:
    """One hold at a time: `press`, then `keep` at least every max_gap_s, then `release`.

    A page waits for the answer to one message before it sends the next. So a message that comes
    within max_gap_s of the one before cannot be older than that: what a stalled network delivers
    late is refused, and the operator must press anew. Silence is the only thing that lasts.
    Thread-safe.
    """

    def __init__(self, max_gap_s: float = 0.3) -> None:
        if not 0.0 < max_gap_s <= 0.5:
            raise ValueError(f"max_gap_s: got {max_gap_s}, expected up to 0.5 s")
        self._gap_ns = round(1e9 * max_gap_s)
        self._hold = ""
        self._last_ns = 0
        self._lock = threading.Lock()

    def held(self, now_ns: int) -> bool:
        """Whether somebody holds it."""
        return bool(self._hold) and 0 <= now_ns - self._last_ns <= self._gap_ns

    def press(self, now_ns: int) -> str:
        """Begins a hold and returns its name; CommandError while another page holds it."""
        with self._lock:
            if self.held(now_ns):
                raise CommandError("held already, on this page or on another; let go there first")
            self._hold, self._last_ns = secrets.token_hex(8), now_ns
            return self._hold

    def keep(self, hold: str, now_ns: int) -> None:
        """It is still held; CommandError for a hold that has ended or that went silent."""
        with self._lock:
            if hold != self._hold or not self.held(now_ns):
                if hold == self._hold:
                    self._hold = ""
                raise CommandError("let go: the page was silent for too long; press again")
            self._last_ns = now_ns

    def release(self, hold: str) -> bool:
        """Ends a hold; whether it was the one."""
        with self._lock:
            ended = bool(hold) and hold == self._hold
            if ended:
                self._hold = ""
            return ended
