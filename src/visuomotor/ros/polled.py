"""Subscriptions that the executor leaves alone: their owner takes the messages when it needs them.

rclpy's executor spends some 0.3 ms on every message it wakes up for, whatever the callback does,
and takes one message per topic and round. A robot's state at 100 Hz to 1 kHz would fill a core,
and on a busy machine fall ever further behind the images that wait for it. Taking a waiting
message directly costs a twentieth of that, and asking in vain 3 µs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile


class _Never(CallbackGroup):
    """A group whose callbacks the executor may never run."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


class PolledSubscription:
    """A subscription whose messages wait until `drain`, which one thread at a time may call."""

    def __init__(
        self, node: Node, kind: type, topic: str, qos: QoSProfile, use: Callable[[Any], Any]
    ) -> None:
        self._node, self._use, self._depth = node, use, max(qos.depth, 1)
        self._subscription = node.create_subscription(
            kind, topic, use, qos, callback_group=_Never()
        )

    def drain(self) -> bool:
        """Hands every waiting message to `use`, the oldest first; whether there was one."""
        subscription, found = self._subscription, False
        for _ in range(self._depth):
            with subscription.handle:
                taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
            if taken is None:
                break
            self._use(taken[0])
            found = True
        return found

    def close(self) -> None:
        """Leaves the topic; not while another thread drains."""
        self._node.destroy_subscription(self._subscription)
