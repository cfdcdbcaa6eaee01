"""An episode's messages with the time at which each is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from visuomotor.errors import DataError
from visuomotor.recording.bag_reader import open_bag


@dataclass(frozen=True)
class PlayedMessage:
    """due_s: seconds after the first message, at the chosen speed. cdr: the serialised message."""

    due_s: float
    topic: str
    msgtype: str
    cdr: bytes


def play(episode: Path | str, speed: float = 1.0, start_s: float = 0.0) -> Iterator[PlayedMessage]:
    """Every message of an episode from `start_s` on, in order; whoever publishes waits.

    Latched messages (extrinsics) from before `start_s` come first, due at once.
    """
    if not speed > 0:
        raise DataError(f"play: got speed {speed}, expected a positive number")
    with open_bag(episode) as bag:
        first_ns: int | None = None
        for time_ns, topic, msgtype, cdr in bag.raw():
            first_ns = time_ns if first_ns is None else first_ns
            due_s = (time_ns - first_ns) * 1e-9 - start_s
            if due_s >= 0 or topic.endswith("/extrinsics"):
                yield PlayedMessage(max(due_s, 0.0) / speed, topic, msgtype, cdr)
