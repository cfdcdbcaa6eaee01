"""A recorder between episodes and during them: pre-roll, start, stop, outcome."""

from __future__ import annotations

import logging
import shutil
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

from visuomotor.contracts import SyncedFrame
from visuomotor.errors import DataError
from visuomotor.recording.catalogue import discard, label, restore
from visuomotor.recording.sidecar import Outcome, Sidecar
from visuomotor.recording.writer import EpisodeWriter, WriterConfig

_Message = tuple[str, str, bytes]


class RecordingSession:
    """Takes sets and messages all the time, writes them between `start` and `stop`.

    Not recording, it keeps the last `pre_roll_s` seconds, which then open the next episode.
    When the disk gives out the episode is finished or kept as `.partial`, `error` says why, and
    it is ready for another start. Not thread-safe.
    """

    def __init__(
        self, dataset: Path | str, config: WriterConfig | None = None, pre_roll_s: float = 0.5
    ) -> None:
        self.dataset = Path(dataset)
        self.config = config or WriterConfig(on_full="drop")
        if not 0 <= pre_roll_s * 20 < self.config.queue_length:
            raise ValueError(
                f"pre_roll_s: got {pre_roll_s}, expected 0 to {self.config.queue_length / 20:g}: "
                "its sets must fit in queue_length"
            )
        self._pre_roll_ns = round(pre_roll_s * 1e9)
        self._buffer: deque[tuple[int, SyncedFrame | _Message]] = deque()
        self._writer: EpisodeWriter | None = None
        self._outcome: Outcome | None = None
        self._discarded: list[Path] = []
        self.upstream: Callable[[], dict[str, int]] = dict
        """What was lost before it came here, by reason, since the episode's start."""
        self.last: Path | None = None
        self.error: DataError | None = None
        self.failed = 0

    @property
    def recording(self) -> bool:
        """Whether an episode is being written."""
        return self._writer is not None

    def add_frame(self, frame: SyncedFrame) -> None:
        """Takes a set."""
        self._take(frame.stamp_ns, frame)

    def add_message(self, topic: str, msgtype: str, cdr: bytes, stamp_ns: int) -> None:
        """Takes any other message, serialised."""
        self._take(stamp_ns, (topic, msgtype, cdr))

    def start(self, sidecar: Sidecar, utc_ns: int) -> Path:
        """Begins an episode with the pre-roll; returns the folder it will have."""
        if self._writer is not None:
            raise DataError(f"already recording {self._writer.path}; stop it first")
        self._writer = EpisodeWriter(self.dataset, sidecar, utc_ns, self.config)
        self._outcome = self.error = self.last = None  # what fails now must not mark the one before
        for stamp_ns, item in self._buffer:
            self._write(self._writer, stamp_ns, item)
        self._buffer.clear()
        return self._writer.path

    def stop(self) -> Path:
        """Finishes the episode and returns its folder; DataError if there is none to finish."""
        writer = self._current()
        self._writer = None
        try:
            self.last = writer.close(self._outcome, drops=self.upstream())
        except DataError as error:
            self.error = error
            raise
        return self.last

    def check(self) -> DataError | None:
        """Ends the episode if writing failed, and returns why, once; to be called often."""
        writer = self._writer
        if writer is None or writer.error is None:
            return None
        reason = writer.error
        self.failed += 1
        try:
            self.stop()
        except DataError as error:
            logging.getLogger(__name__).debug("the episode stays unfinished: %s", error)
        self.error = reason
        return reason

    def mark(self, outcome: Outcome, stamp_ns: int) -> Path:
        """Labels the episode being recorded, else the last one; returns its folder."""
        if self._writer is not None:
            self._outcome = outcome
            self._writer.mark(outcome, stamp_ns, outcome)
            return self._writer.path
        episode = self._last()
        label(episode, outcome)
        return episode

    def discard(self) -> Path:
        """Puts the episode being recorded, finished first, or else the last one into `.trash/`.

        Returns where it is now; of one without a single set nothing is kept.
        """
        if self._writer is not None:
            if not self._writer.sets:
                path = self._writer.path
                self._writer.discard()
                self._writer = None
                return path
            self.stop()
        gone = discard(self._last())
        self.last = None
        self._discarded.append(gone)
        return gone

    def undo(self) -> Path:
        """Brings back what was discarded last, and returns its folder; again: what went before it.

        It is the last episode again unless another one was recorded since. Raises DataError where
        nothing that was discarded here is in `.trash/`.
        """
        while self._discarded:
            gone = self._discarded[-1]
            back = restore(gone) if gone.is_dir() else None  # else somebody restored it already
            self._discarded.pop()
            if back is not None:
                self.last = self.last or back
                return back
        raise DataError(
            "nothing was discarded since this recorder started; `visuomotor episodes list --trash` "
            "shows what earlier ones put away"
        )

    def close(self) -> Path | None:
        """Finishes what is being recorded, if anything was."""
        if self._writer is None or not self._writer.sets:
            if self._writer is not None:
                self.discard()
            return None
        return self.stop()

    def status(self) -> dict[str, object]:
        """What an operator wants to see."""
        writer = self._writer
        folder = next(p for p in (self.dataset, *self.dataset.absolute().parents) if p.exists())
        drops: Counter[str] = Counter() if writer is None else writer.drops
        return {
            "state": "idle" if writer is None else "recording",
            "episode": str((writer.path if writer else self.last) or ""),
            "sets": writer.sets if writer else 0,
            "queue": writer.queue_length if writer else 0,
            "disk_free_mb": round(shutil.disk_usage(folder).free / 1e6),
            "pre_roll": len(self._buffer),
            "error": str(self.error or ""),
            **{f"drops/{reason}": n for reason, n in sorted(drops.items())},
        }

    def _take(self, stamp_ns: int, item: SyncedFrame | _Message) -> None:
        if self._writer is not None:
            self._write(self._writer, stamp_ns, item)
            return
        if self._buffer and abs(stamp_ns - self._buffer[-1][0]) > self._pre_roll_ns + 10**9:
            self._buffer.clear()  # the clock jumped, or nothing came for long
        self._buffer.append((stamp_ns, item))
        while self._buffer and self._buffer[0][0] < stamp_ns - self._pre_roll_ns:
            self._buffer.popleft()

    @staticmethod
    def _write(writer: EpisodeWriter, stamp_ns: int, item: SyncedFrame | _Message) -> None:
        if isinstance(item, SyncedFrame):
            writer.add_frame(item)
        else:
            writer.add_message(*item, stamp_ns)

    def _current(self) -> EpisodeWriter:
        if self._writer is None:
            why = f" ({self.error})" if self.error else ""
            raise DataError(f"not recording{why}; call recorder/start first")
        return self._writer

    def _last(self) -> Path:
        if self.last is None:
            raise DataError("there is no episode yet; call recorder/start first")
        return self.last
