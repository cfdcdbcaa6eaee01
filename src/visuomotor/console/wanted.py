"""Topics that are listened to only while somebody looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from visuomotor.errors import CalibrationError, DataError
from visuomotor.ros.polled import PolledSubscription

LOOKING_S = 3.0
"""How long after the last question a page still counts as looking."""


class Watch:
    """Whether somebody looks: `touch` from any thread, `now` too."""

    def __init__(self) -> None:
        self._until_s = 0.0

    def touch(self) -> None:
        """Somebody asked just now."""
        self._until_s = time.monotonic() + LOOKING_S

    @property
    def now(self) -> bool:
        """Whether somebody asked of late."""
        return time.monotonic() < self._until_s


class WantedTopics:
    """Subscriptions to (type, topic, use) that exist while `watch.now`.

    Each holds one message, the newest: asked five times a second it costs five messages a second,
    whatever the publisher's rate. A message that cannot be used goes to `refuse`, with its topic.
    `poll` is one thread's.
    """

    def __init__(
        self,
        node: Node,
        watch: Watch,
        qos: QoSProfile,
        wanted: list[tuple[type, str, Callable[[Any], None]]],
        refuse: Callable[[str], None],
    ) -> None:
        self._node, self._watch, self._qos, self._wanted = node, watch, qos, wanted
        self._refuse = refuse
        self._open: list[PolledSubscription] = []

    def poll(self) -> None:
        """Subscribes, takes what waits, or leaves."""
        if not self._watch.now:
            self.close()
            return
        if not self._open:
            self._open = [
                PolledSubscription(self._node, kind, topic, self._qos, use)
                for kind, topic, use in self._wanted
            ]
        for subscription, (_, topic, _) in zip(self._open, self._wanted, strict=True):
            try:
                subscription.drain()
            except (DataError, CalibrationError) as error:
                self._refuse(f"{topic}: {error}")

    def close(self) -> None:
        """Leaves the topics."""
        while self._open:
            self._open.pop().close()
