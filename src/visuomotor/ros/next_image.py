"""The next image of each camera, for who needs one now and then and no stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rclpy.node import Node
from sensor_msgs.msg import Image

from visuomotor.contracts import UInt8
from visuomotor.errors import RobotError
from visuomotor.ros import topics
from visuomotor.ros.images import color_from_msg
from visuomotor.ros.polled import PolledSubscription

_POLL_S = 0.004


class NextImages:
    """Subscribes to cameras, by name or by a whole topic, and takes nothing until it is asked.

    prefix: "" for the drivers' topics, `synced/` for the synchronised ones.
    """

    def __init__(self, node: Node, cameras: Sequence[str], prefix: str = "") -> None:
        self._topics = {c: c if "/" in c else topics.color(c, prefix) for c in cameras}
        self._came: dict[str, Image] = {}
        self._heard: set[str] = set()
        self._polled = [
            PolledSubscription(node, Image, topic, topics.SENSOR, self._keep(camera))
            for camera, topic in self._topics.items()
        ]

    def take(self, timeout_s: float) -> dict[str, UInt8]:
        """(H, W, 3) uint8 RGB by camera, all of images that come after this call.

        Raises RobotError naming the cameras that are silent for timeout_s, and DataError for an
        image that cannot be used.
        """
        self._drain()
        self._came.clear()  # what waited may be as old as the camera is silent
        end = time.monotonic() + timeout_s
        while len(self._came) < len(self._topics):
            if time.monotonic() > end:
                silent = [t for c, t in self._topics.items() if c not in self._came]
                raise RobotError(
                    f"no image on {', '.join(silent)} within {timeout_s:g} s; is the camera's "
                    "driver up, in the same ROS domain?"
                )
            time.sleep(_POLL_S)
            self._drain()
        return {camera: color_from_msg(self._came[camera]) for camera in self._topics}

    def heard(self) -> bool:
        """Whether every camera has been heard at least once."""
        self._drain()
        return len(self._heard) == len(self._topics)

    def close(self) -> None:
        """Leaves the topics."""
        for polled in self._polled:
            polled.close()

    def _keep(self, camera: str) -> Callable[[Image], None]:
        def keep(msg: Image) -> None:
            self._came[camera] = msg
            self._heard.add(camera)

        return keep

    def _drain(self) -> None:
        for polled in self._polled:
            polled.drain()
