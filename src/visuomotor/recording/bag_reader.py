"""An open bag: what it holds, and its messages; every foreign or broken file is a DataError."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader

from visuomotor.config import read_yaml
from visuomotor.errors import DataError, shown
from visuomotor.recording import messages
from visuomotor.recording.schema import expected_type, parse_camera_topic, typestore

Series = list[tuple[int, Any]]
"""(stamp in ns, value) in order of the stamps."""
Span = tuple[int, int]

_REPAIR = "run `visuomotor episodes repair` if it was being recorded"


@dataclass(frozen=True)
class BagLayout:
    """Which streams a bag has: camera name -> with depth?, and the namespace before them all."""

    namespace: str
    cameras: dict[str, bool]


class Bag:
    """An open bag: its layout, and its messages in order of time."""

    def __init__(self, reader: Any, episode: Path) -> None:
        self._reader = reader
        self.episode = episode

    @property
    def topics(self) -> dict[str, str]:
        """Topic -> message type of everything in the bag."""
        return {c.topic: c.msgtype for c in self._reader.connections}

    @property
    def logged_ns(self) -> Span:
        """From the first message's log time to after the last one's."""
        return self._reader.start_time, self._reader.end_time + 1

    def layout(self) -> BagLayout:
        """The cameras; DataError naming what is missing if a set could never be complete."""
        found: dict[str, set[str]] = {}
        namespaces: set[str] = set()
        for topic in self.topics:
            parsed = parse_camera_topic(topic)
            if parsed is not None:
                namespaces.add(parsed[0])
                found.setdefault(parsed[1], set()).add(parsed[2])
        if not found:
            some = ", ".join(sorted(self.topics)[:6]) or "none"
            raise DataError(
                f"{self.episode}: no camera in this bag: expected topics "
                f"/synced/<camera>/color/compressed, got {some}"
            )
        if len(namespaces) > 1:
            raise DataError(f"{self.episode}: got several namespaces {namespaces}, expected one")
        namespace = namespaces.pop()
        needed = [f"{namespace}/synced/current_pose", f"{namespace}/synced/joint_states"]
        for camera in found:
            needed += [f"{namespace}/{camera}/extrinsics"]
            base = f"{namespace}/synced/{camera}"
            needed += [f"{base}/camera_info", f"{base}/color/compressed"]
        missing = [t for t in needed if not self.count(t)]
        if missing:
            raise DataError(
                f"{self.episode}: no message on {', '.join(missing)}; "
                "expected every stream of the sets: record all of them"
            )
        depth = {
            c: bool(self.count(f"{namespace}/synced/{c}/depth/compressedDepth")) for c in found
        }
        return BagLayout(namespace, depth)

    def count(self, topic: str) -> int:
        """How many messages a topic has."""
        return sum(c.msgcount for c in self._reader.connections if c.topic == topic)

    def raw(
        self, topics: set[str] | None = None, span_ns: Span | None = None
    ) -> Iterator[tuple[int, str, str, bytes]]:
        """(log time in ns, topic, type, CDR) of the topics (None: all) logged within the span."""
        start, stop = (None, None) if span_ns is None else span_ns
        chosen = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not chosen:
            return
        try:
            for connection, time_ns, data in self._reader.messages(chosen, start, stop):
                yield time_ns, connection.topic, connection.msgtype, bytes(data)
        except Exception as error:  # zstd's, lz4's and struct's pass through rosbags
            raise DataError(
                f"{self.episode}: the bag is damaged: {_said(error)}; {_REPAIR}"
            ) from error

    def read(self, topics: set[str], span_ns: Span | None = None) -> Iterator[tuple[str, Any]]:
        """(topic, message) of the topics, logged within the span; DataError for a foreign type."""
        for c in self._reader.connections:
            expected = expected_type(c.topic) if c.topic in topics else None
            if expected not in (None, c.msgtype):
                raise DataError(
                    f"{self.episode}: got {c.msgtype} on {c.topic}, expected {expected}; record "
                    "the topics of an episode with their own types"
                )
        for _, topic, msgtype, data in self.raw(topics, span_ns):
            try:
                yield topic, self._reader.deserialize(data, msgtype)
            except Exception as error:  # rosbags raises whatever struct and numpy raise
                raise DataError(
                    f"{self.episode}: unreadable message on {topic}: {error}"
                ) from error


@contextmanager
def open_bag(episode: Path | str) -> Iterator[Bag]:
    """Opens an episode's bag; DataError for a folder that holds none, or a damaged one."""
    episode = Path(episode)
    if not (episode / "metadata.yaml").is_file():
        why = _REPAIR if episode.is_dir() else "no such folder"
        raise DataError(f"{episode}: no bag here (metadata.yaml is missing); {why}")
    try:
        _check_file(episode / "metadata.yaml")
        reader = AnyReader([episode], default_typestore=typestore())
        reader.open()
        try:
            _check_metadata(reader)
        except BaseException:
            reader.close()
            raise
    except Exception as error:  # rosbags lets KeyError and struct.error through for foreign files
        raise DataError(
            f"{episode}: not a readable rosbag2 bag: {_said(error)}; {_REPAIR}"
        ) from error
    try:
        yield Bag(reader, episode)
    finally:
        reader.close()


def _check_file(path: Path) -> None:
    """Raises ConfigError for values without end, ValueError for what rosbags could not close."""
    values = read_yaml(path).get("rosbag2_bagfile_information")
    files = values.get("files", []) if isinstance(values, dict) else []
    if not isinstance(files, list):
        raise ValueError(f"got the files {shown(files)}, expected a list")


def _check_metadata(reader: Any) -> None:
    """ValueError for what is of another kind in metadata.yaml, which rosbags takes as it is."""
    for c in reader.connections:
        if not isinstance(c.topic, str):
            raise ValueError(f"got a topic called {shown(c.topic)}")
        if not isinstance(c.msgtype, str):
            raise ValueError(f"got the type {shown(c.msgtype)} of {shown(c.topic)}")
        if not _is_count(c.msgcount):
            raise ValueError(f"got {shown(c.msgcount)} messages on {shown(c.topic)}")
    times_ns = reader.start_time, reader.end_time
    if not all(_is_count(time_ns) for time_ns in times_ns):
        raise ValueError(
            f"got messages from {shown(times_ns[0])} to {shown(times_ns[1])}, expected nanoseconds"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def series_of(bag: Bag, topics: Mapping[str, Callable[[Any], Any]]) -> dict[str, Series]:
    """The values of small topics by their stamps, in one pass; topics say how each is read."""
    found: dict[str, Series] = {topic: [] for topic in topics}
    for topic, message in bag.read(set(topics)):
        try:
            found[topic].append((messages.stamp_of(message), topics[topic](message)))
        except IndexError as error:
            raise DataError(f"{bag.episode}: {topic}: a JointState without positions") from error
    return {topic: sorted(series, key=lambda item: item[0]) for topic, series in found.items()}


def _said(error: Exception) -> str:
    """An error's text, which some lack."""
    return str(error) or type(error).__name__
