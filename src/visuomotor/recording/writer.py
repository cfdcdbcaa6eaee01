"""EpisodeWriter: synchronised sets, actions and messages in, one episode folder out."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import shutil
import threading
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from visuomotor.contracts import Float64, SyncedFrame
from visuomotor.errors import DataError
from visuomotor.recording import messages
from visuomotor.recording.bag import PARTIAL, BagWriter
from visuomotor.recording.compression import ColorFormat
from visuomotor.recording.encoding import Entry, SetEncoder
from visuomotor.recording.schema import COMMAND_TOPICS, ROBOT_TOPICS
from visuomotor.recording.sidecar import Outcome, Sidecar, save_sidecar
from visuomotor.recording.statistics import EpisodeStatistics

FLUSH_NS = 1_000_000_000
_MESSAGES_PER_SET = 50


@dataclass(frozen=True)
class WriterConfig:
    """How an episode is written.

    color: "png" is lossless, "jpeg" a fifth of the size. on_full: when the compressors are
    `queue_length` sets behind, "wait" (lockstep) or "drop" and count (real time).
    """

    color: ColorFormat = "jpeg"
    jpeg_quality: int = 95
    workers: int = 2
    queue_length: int = 60
    on_full: Literal["wait", "drop"] = "wait"
    min_free_mb: float = 500.0

    def __post_init__(self) -> None:
        if not 1 <= self.jpeg_quality <= 100:
            raise ValueError(f"jpeg_quality: got {self.jpeg_quality}, expected 1 to 100")
        if self.workers < 1 or self.queue_length < 1 or self.min_free_mb < 0:
            raise ValueError(
                f"got workers {self.workers}, queue_length {self.queue_length}, min_free_mb "
                f"{self.min_free_mb}; expected at least 1, 1 and 0"
            )


@dataclass(frozen=True)
class _Job:
    """What is written together; `slots` gets its place back afterwards."""

    entries: tuple[Entry, ...]
    slots: threading.Semaphore


def _identifier(utc_ns: int) -> str:
    """Six hexadecimal digits: three of the second's fraction, so that names sort by time.

    The others are random, for recorders that start together.
    """
    fraction = utc_ns % 10**9 * 4096 // 10**9
    return f"{fraction:03x}{secrets.randbelow(4096):03x}"


class EpisodeWriter:
    """Writes `<dataset>/<task>/<utc>-<id>/`, as `.partial` until `close`.

    Images are compressed in worker threads and written in the order they were added by one
    writing thread, which brings them to the disk every second: a killed process loses about the
    last second. The first set decides which cameras the episode has.

    When the disk is full (or has less than `min_free_mb` left) recording stops: `error` says so
    once, later `add_*` return False, and `close` finishes the episode if that is still possible. So
    it does where a set is not after the one before, because a clock went back.

    utc_ns: the wall clock at the start, for the folder's name. Raises DataError if the disk has
    too little space to begin with, or the folder cannot be made.
    """

    def __init__(
        self, dataset: Path | str, sidecar: Sidecar, utc_ns: int, config: WriterConfig | None = None
    ) -> None:
        self.config = config or WriterConfig()
        utc = datetime.fromtimestamp(utc_ns // 10**9, timezone.utc)
        name = f"{utc:%Y%m%dT%H%M%SZ}-{_identifier(utc_ns)}"
        self.path = Path(dataset) / sidecar.task / name
        self.partial = self.path.with_name(name + PARTIAL)
        self.error: DataError | None = None
        self.drops: Counter[str] = Counter()
        self._sidecar = replace(
            sidecar, utc=utc.isoformat(timespec="seconds"), color=self.config.color
        )
        self._statistics = EpisodeStatistics()
        self._layout: dict[str, bool] = {}
        self._outcome: Outcome | None = None
        self._disk_failed = self._broken = False
        self._unwritten = 0  # sets, after writing failed
        self._newest_ns = self._flushed_ns = 0
        self._closed = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if (shortage := self._shortage()) is not None:
                raise shortage
            self._bag = BagWriter(self.partial)
            save_sidecar(self._sidecar, self.partial)
        except OSError as error:
            raise DataError(f"{self.partial}: cannot record here: {error}") from error
        for topic, msgtype in {**ROBOT_TOPICS, **COMMAND_TOPICS}.items():
            self._bag.add_topic(topic, msgtype)
        self._queue: queue.Queue[_Job | None] = queue.Queue()
        self._set_slots = threading.Semaphore(self.config.queue_length)
        self._message_slots = threading.Semaphore(self.config.queue_length * _MESSAGES_PER_SET)
        self._encoder = SetEncoder(self.config.color, self.config.jpeg_quality, self.config.workers)
        self._thread = threading.Thread(target=self._write_all, name="episode-writer", daemon=True)
        self._thread.start()

    @property
    def sets(self) -> int:
        """How many sets were accepted."""
        return self._statistics.sets

    @property
    def queue_length(self) -> int:
        """How many sets and messages wait to be compressed and written."""
        return self._queue.qsize()

    def add_frame(self, frame: SyncedFrame) -> bool:
        """Adds a set; False if it was dropped (counted in `drops`) or recording has stopped.

        Its arrays must not change afterwards: they are compressed later.
        """
        layout = {name: c.depth_mm is not None for name, c in frame.cameras.items()}
        if self._layout and layout != self._layout:
            return self._drop("cameras changed")
        self._check_clock(frame.stamp_ns)
        if not self._reserve(self._set_slots, "compression too slow"):
            return False
        if not self._layout:
            self._layout = layout
            for name, camera in frame.cameras.items():
                self._statistics.add_calibration(name, camera)
        self._statistics.add_set(frame)
        self._queue.put(_Job(self._encoder.encode(frame), self._set_slots))
        return True

    def add_action(self, stamp_ns: int, T_base_ee: Float64, width_m: float | None = None) -> bool:
        """Adds an accepted target (4, 4) and, where it was commanded, the gripper's full width."""
        pose = messages.pose_cdr(stamp_ns, T_base_ee)
        topics = list(COMMAND_TOPICS.items())
        entries = [Entry(*topics[0], stamp_ns, pose)]
        if width_m is not None:
            cdr = messages.gripper_command_cdr(stamp_ns, width_m)
            entries.append(Entry(*topics[1], stamp_ns, cdr))
        return self._put(tuple(entries))

    def add_message(self, topic: str, msgtype: str, cdr: bytes, stamp_ns: int) -> bool:
        """Adds any other message, serialised; `msgtype` as "geometry_msgs/msg/PoseStamped"."""
        absolute = topic if topic.startswith("/") else f"/{topic}"
        return self._put((Entry(absolute, msgtype, stamp_ns, cdr),))

    def mark(self, name: str, stamp_ns: int, outcome: Outcome | None = None) -> None:
        """Names an instant in the sidecar, at once: it stays where the process is killed.

        outcome: of the episode, as far as is known by then.
        """
        self._statistics.add_marker(name, stamp_ns)
        self._outcome = outcome or self._outcome
        noted = self._statistics.noted(self._sidecar)
        with contextlib.suppress(OSError):  # a full disk is told of by what comes next
            save_sidecar(replace(noted, outcome=self._outcome or noted.outcome), self.partial)

    def close(
        self,
        outcome: Outcome | None = None,
        tags: tuple[str, ...] = (),
        drops: dict[str, int] | None = None,
    ) -> Path:
        """Finishes the episode and returns its folder.

        drops: what was lost upstream, by reason; added to the writer's own. Raises DataError if
        the disk cannot take the rest (`.partial` stays, for `repair`) or nothing was recorded
        (nothing stays).
        """
        self._finish_threads()
        if self._disk_failed:
            self._bag.abort()
            assert self.error is not None
            raise self.error
        if not self._statistics.sets:
            self._bag.abort()
            shutil.rmtree(self.partial, ignore_errors=True)
            raise self.error or DataError(
                f"{self.path}: no set was recorded; check that every camera and the robot publish"
            )
        lost = Counter(drops or {}) + self.drops + Counter({"not written": self._unwritten})
        described = self._statistics.describe(self._sidecar)
        sidecar = replace(
            described,
            sets=described.sets - self._unwritten,
            outcome=outcome or self._outcome or self._sidecar.outcome,
            tags=(*self._sidecar.tags, *tags),
            drops=dict(lost),
        )
        try:
            self._bag.close()
            save_sidecar(sidecar, self.partial)
            for path in (*self.partial.iterdir(), self.partial):
                _sync(path)  # before the name that says: complete
            self.partial.rename(self.path)
            _sync(self.path.parent)
        except OSError as error:
            self._bag.abort()
            raise self._disk_error(error) from error
        return self.path

    def discard(self) -> None:
        """Stops and removes what was written."""
        self._finish_threads()
        self._bag.abort()
        shutil.rmtree(self.partial, ignore_errors=True)

    def __enter__(self) -> EpisodeWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._closed:
            return
        if kind is None:
            self.close()
        else:
            with contextlib.suppress(DataError):  # the first error is the one to tell
                self.close(tags=("aborted",))

    def _put(self, entries: tuple[Entry, ...]) -> bool:
        if not self._reserve(self._message_slots, "disk too slow"):
            return False
        self._queue.put(_Job(entries, self._message_slots))
        return True

    def _reserve(self, slots: threading.Semaphore, reason: str) -> bool:
        """Takes a place in the queue: waits for one, or counts a drop."""
        if self._closed:
            raise DataError(f"{self.path}: this episode is closed; start another one")
        if self.error is not None:
            return False
        return slots.acquire(blocking=self.config.on_full == "wait") or self._drop(reason)

    def _check_clock(self, stamp_ns: int) -> None:
        """A set that is not after the one before ends the episode, complete, before it."""
        last_ns = self._statistics.last_ns
        if self.error is None and last_ns is not None and stamp_ns <= last_ns:
            self.error = DataError(
                f"{self.path}: recording stopped, the clock went back by "
                f"{(last_ns - stamp_ns) * 1e-9:.3f} s at stamp {stamp_ns}; what was recorded "
                "before is kept: mend the clock, then record again"
            )

    def _drop(self, reason: str) -> bool:
        self.drops[reason] += 1
        return False

    def _finish_threads(self) -> None:
        if self._closed:
            raise DataError(f"{self.path}: this episode is closed already")
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._encoder.close()

    def _write_all(self) -> None:
        """The writing thread: after an error it keeps emptying the queue, so nobody waits."""
        while True:
            try:
                job = self._queue.get(timeout=FLUSH_NS / 1e9)
            except queue.Empty:
                self._attempt((), flush=True)
                continue
            if job is None:
                return
            self._attempt(job.entries)
            self._unwritten += self._broken and job.slots is self._set_slots
            job.slots.release()

    def _attempt(self, entries: tuple[Entry, ...], flush: bool = False) -> None:
        self._broken = self._broken or (self.error is not None and self._free_mb() < self._last_mb)
        if self._broken:
            return
        try:
            for entry in entries:
                cdr = entry.bytes()
                self._bag.add_topic(entry.topic, entry.msgtype)
                self._bag.write(entry.topic, entry.stamp_ns, cdr)
                self._statistics.count(entry.topic, entry.stamp_ns)
                self._newest_ns = max(self._newest_ns, entry.stamp_ns)
            self._flushed_ns = self._flushed_ns or self._newest_ns
            flush = flush or self.error is not None  # at the reserve's end, what it takes is seen
            if flush or self._newest_ns - self._flushed_ns >= FLUSH_NS:
                self._flushed_ns = self._newest_ns
                self._bag.flush()
                self.error = self.error or self._shortage()  # what waits is written all the same
        except OSError as error:
            self._disk_failed = self._broken = True
            self.error = self._disk_error(error)
        except DataError as error:
            self.error, self._broken = error, True
        except Exception as error:  # whatever it is, the thread must go on emptying the queue
            self.error = DataError(f"{self.path}: recording stopped: {error!r}")
            self._broken = True

    def _free_mb(self) -> float:
        return shutil.disk_usage(self.path.parent).free / 1e6

    @property
    def _last_mb(self) -> float:
        """Of the reserve, what waits when it is reached may take the rest."""
        return self.config.min_free_mb / 2

    def _shortage(self) -> DataError | None:
        free_mb = self._free_mb()
        if free_mb >= self.config.min_free_mb:
            return None
        return DataError(
            f"{self.path}: recording stopped, {free_mb:.0f} MB are free and min_free_mb is "
            f"{self.config.min_free_mb:.0f}; what was recorded is kept: free disk space, "
            "then record again"
        )

    def _disk_error(self, error: OSError) -> DataError:
        return DataError(
            f"{self.partial}: recording stopped, the disk does not take more ({error.strerror}); "
            "what was written is kept: free disk space, then run `visuomotor episodes repair`"
        )


def _sync(path: Path) -> None:
    """Brings a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
