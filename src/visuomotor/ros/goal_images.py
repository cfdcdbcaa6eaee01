"""Goals as images: what a policy is to reach, heard on policy/goal or taken from a live camera."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node
from sensor_msgs.msg import Image

from visuomotor.contracts import UInt8
from visuomotor.errors import VisuomotorError
from visuomotor.ros import topics
from visuomotor.ros.images import color_from_msg, color_msg
from visuomotor.ros.services import trigger


class GoalImages:
    """Hands every goal image to `take`, and publishes those of `policy/goal_here`.

    look: the goal camera's present image (H, W, 3) RGB; a VisuomotorError without one is the
    service's answer.
    """

    def __init__(
        self, node: Node, take: Callable[[UInt8], None], look: Callable[[], UInt8], camera: str
    ) -> None:
        self._node, self._take, self._look, self._camera = node, take, look, camera
        self.received = 0
        """Goals so far, by whichever way."""
        self._publisher = node.create_publisher(Image, topics.POLICY_GOAL, topics.LATCHED)
        node.create_subscription(Image, topics.POLICY_GOAL, self._hear, topics.LATCHED)
        trigger(node, topics.POLICY_GOAL_HERE, self._here)

    def set(self, color: UInt8) -> None:
        """A goal that is known otherwise; all who listen see it, too."""
        now_ns = self._node.get_clock().now().nanoseconds
        self._publisher.publish(color_msg(color, now_ns, self._camera))

    def _here(self) -> str:
        color = self._look()
        self.set(color)
        height, width = color.shape[:2]
        return f"the present image of {self._camera}, {width} x {height}, is the goal"

    def _hear(self, msg: Image) -> None:
        try:
            self._take(color_from_msg(msg))
        except VisuomotorError as error:
            self._node.get_logger().error(f"{topics.POLICY_GOAL}: {error}; the goal stays")
            return
        self.received += 1
        self._node.get_logger().info(f"goal {self.received}: {msg.width} x {msg.height}")
