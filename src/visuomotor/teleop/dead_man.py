"""A demonstrator's side of the dead-man: what to send on teleop/enable, and when."""

from __future__ import annotations

RELEASES = 3  # sent one after another, in case one is lost; silence would tell as well


class DeadMan:
    """Says True at the given rate while held, False a few times after, then nothing.

    `hold_s`: a press counts as held for so long (a keyboard only repeats its keys); None: until
    `release`. `repeat_hold_s`: for so long once presses follow one another that closely; a
    keyboard pauses before it repeats, and hold_s has to cover that pause only.
    The receiver lets go after 200 ms of silence, so the rate is at least 10 Hz.
    """

    def __init__(
        self,
        rate_hz: float = 20.0,
        hold_s: float | None = None,
        repeat_hold_s: float | None = None,
    ) -> None:
        if not rate_hz >= 10.0:
            raise ValueError(f"dead-man: got {rate_hz} Hz, expected at least 10")
        for name, value in {"hold_s": hold_s, "repeat_hold_s": repeat_hold_s}.items():
            if value is not None and not value > 0.0:
                raise ValueError(
                    f"dead-man: got {name} {value}, expected a positive number or None"
                )
        self._period_ns = round(1e9 / rate_hz)
        self._first_ns = None if hold_s is None else round(hold_s * 1e9)
        self._repeat_ns = self._first_ns if repeat_hold_s is None else round(repeat_hold_s * 1e9)
        self._hold_ns = self._first_ns
        self._pressed_ns: int | None = None
        self._sent_ns: int | None = None
        self._releases = 0

    def press(self, now_ns: int) -> None:
        """The operator holds it, now."""
        before, self._pressed_ns = self._pressed_ns, now_ns
        repeats = (
            before is not None
            and self._repeat_ns is not None
            and 0 <= now_ns - before <= self._repeat_ns
        )
        self._hold_ns = self._repeat_ns if repeats else self._first_ns

    def release(self) -> None:
        """The operator lets go."""
        self._pressed_ns = None

    def held(self, now_ns: int) -> bool:
        """Whether it counts as held."""
        if self._pressed_ns is None:
            return False
        return self._hold_ns is None or 0 <= now_ns - self._pressed_ns <= self._hold_ns

    def poll(self, now_ns: int) -> bool | None:
        """The message that is due now, or None; call it at the rate or faster."""
        if self.held(now_ns):
            self._releases = RELEASES
            late = self._sent_ns is None or not 0 <= now_ns - self._sent_ns < self._period_ns
            if late:
                self._sent_ns = now_ns
            return True if late else None
        self._sent_ns = None
        if self._releases:
            self._releases -= 1
            return False
        return None
