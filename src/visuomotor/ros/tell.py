"""Tells the graph one thing, and ends when it was heard."""

from __future__ import annotations

import os
import time

import rclpy
from rclpy.duration import Duration
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image

from visuomotor.contracts import UInt8
from visuomotor.ros import topics
from visuomotor.ros.images import color_msg

_ACKNOWLEDGED_S = 5.0


def tell_goal(color: UInt8, camera: str, wait_s: float) -> int:
    """Publishes an image (H, W, 3) on policy/goal; returns how many listeners there were.

    Waits up to wait_s for the first one, and until all have it.
    """
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(f"visuomotor_goal_{os.getpid()}")
    try:
        publisher = node.create_publisher(Image, topics.POLICY_GOAL, topics.LATCHED)
        end = time.monotonic() + wait_s
        while not publisher.get_subscription_count() and time.monotonic() < end:
            time.sleep(0.02)
        publisher.publish(color_msg(color, node.get_clock().now().nanoseconds, camera))
        listeners = publisher.get_subscription_count()
        if listeners:
            publisher.wait_for_all_acked(Duration(seconds=_ACKNOWLEDGED_S))
        return int(listeners)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
