"""Progress on a terminal as a bar, elsewhere as plain lines."""

from __future__ import annotations

import sys
import time
from types import TracebackType


class ProgressLine:
    """Shows how far something is: `with ProgressLine("demos", 30) as line: line.step("seed 7")`.

    Without a terminal it prints a line per call, at most one every `every_s` seconds and always
    the last one. quiet: it shows nothing.
    """

    def __init__(self, name: str, total: int, every_s: float = 0.0, quiet: bool = False) -> None:
        from tqdm import tqdm

        self.name, self.total, self.done = name, total, 0
        self._every_s, self._printed_s, self._quiet = every_s, float("-inf"), quiet
        shown = sys.stderr.isatty() and not quiet
        self._bar = tqdm(total=total, desc=name, leave=False) if shown else None

    def step(self, text: str = "") -> None:
        """One more is done."""
        self.to(self.done + 1, text)

    def to(self, done: int, text: str = "", total: int | None = None) -> None:
        """So many are done."""
        self.total = self.total if total is None else total
        ended = done >= self.total > self.done
        self.done = done
        if self._bar is not None:
            self._bar.total = self.total
            self._bar.set_description_str(self.name, refresh=False)
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(done - self._bar.n)
        elif self._quiet:
            return
        elif ended or time.monotonic() - self._printed_s >= self._every_s:
            self._printed_s = time.monotonic()
            print(f"{self.name} {done}/{self.total}{': ' if text else ''}{text}", flush=True)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
