"""A node of a test's own, for as long as the test runs."""

from collections.abc import Callable, Iterator
from typing import TypeVar

import rclpy
from rclpy.node import Node

N = TypeVar("N", bound=Node)


def running(make: Callable[[], N]) -> Iterator[N]:
    """For a fixture: starts ROS, yields the node, and ends both."""
    rclpy.init()
    node = make()
    yield node
    node.destroy_node()
    rclpy.try_shutdown()
