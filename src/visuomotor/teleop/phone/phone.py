"""The phone as an operator's device, without the network: who speaks, and whether it is heard."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping

from visuomotor.errors import DataError
from visuomotor.teleop.device import Reading
from visuomotor.teleop.phone.message import PhoneMessage, parse

_SILENT_NS = 1_000_000_000  # after so long another phone may take over


class Phone:
    """The state of one phone; connections may talk to it from threads of their own.

    timeout_s: silence for so long lets go. max_lag_s: a message that answers a stamp of ours
    older than this was held up on its way, and is refused: what the operator holds now is unknown.
    Refusals are counted by reason: message, late, busy, and those of the server.
    """

    def __init__(self, timeout_s: float = 0.3, max_lag_s: float = 0.5) -> None:
        self._timeout_ns, self._max_lag_ms = round(timeout_s * 1e9), max_lag_s * 1e3
        self._lock = threading.Lock()
        self._connections = 0
        self._connection: int | None = None
        self._heard_ns = 0
        self._last: PhoneMessage | None = None
        self._last_ns = 0
        self._toggles = 0
        self._text = ""
        self._refused = Counter[str]()

    def connect(self, now_ns: int) -> int | None:
        """A connection for a phone; None while another one speaks."""
        with self._lock:
            if self._connection is not None and now_ns - self._heard_ns < _SILENT_NS:
                self._refused["busy"] += 1
                return None
            self._connections += 1
            self._connection, self._heard_ns, self._last = self._connections, now_ns, None
            return self._connection

    def disconnect(self, connection: int) -> None:
        """The phone of this connection is gone: it holds nothing any more."""
        with self._lock:
            if connection == self._connection:
                self._connection, self._last = None, None

    def take(self, connection: int, text: str | bytes, now_ns: int) -> None:
        """A message of this connection's phone."""
        try:
            message = parse(text)
        except DataError:
            self.refuse("message")
            return
        with self._lock:
            if connection != self._connection:
                return
            self._heard_ns = now_ns
            lag_ms = None if message.echo_ms is None else now_ns // 1_000_000 - message.echo_ms
            if lag_ms is None or not 0 <= lag_ms <= self._max_lag_ms:
                self._refused["late"] += lag_ms is not None
                return
            before, self._last, self._last_ns = self._last, message, now_ns
            if message.gripper and before is not None and not before.gripper:
                self._toggles += 1

    def stamp(self, now_ns: int) -> str:
        """What to send to the page about every 50 ms."""
        with self._lock:
            return json.dumps({"stamp": now_ns // 1_000_000, "text": self._text})

    def read(self, now_ns: int) -> Reading:
        """What the phone's operator asks for now."""
        with self._lock:
            toggles, self._toggles = self._toggles, 0
            last = self._last
            if last is None or now_ns - self._last_ns > self._timeout_ns:
                return Reading()
            held = last.clutch and last.T_world_phone is not None
            return Reading(
                held,
                pose=last.T_world_phone if held else None,
                toggles=toggles,
                grip=last.gripper,
                policy=last.policy,
            )

    def refuse(self, reason: str) -> None:
        """Counts something that was refused."""
        with self._lock:
            self._refused[reason] += 1

    def tell(self, text: str) -> None:
        """Shows a line on the phone."""
        with self._lock:
            self._text = text

    def counters(self) -> Mapping[str, int]:
        """What was refused, by reason."""
        with self._lock:
            return dict(self._refused)

    def close(self) -> None:
        """Forgets the phone."""
        with self._lock:
            self._connection, self._last = None, None
