"""Who sent a message, where the middleware tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rclpy.subscription


def with_sender(callback: Callable[[Any, str], None]) -> Callable[..., None]:
    """A subscription's callback that also gets the publisher's id, "" where it is not to be had.

    rclpy hands message infos to callbacks since Iron; the publisher's id is in them since Kilted.
    """
    if not hasattr(rclpy.subscription, "MessageInfo"):
        return lambda message: callback(message, "")

    def called(message: Any, info: dict[str, Any]) -> None:
        gid = info.get("publisher_gid") or {}
        callback(message, bytes(gid.get("data", b"")).hex())

    return called
