"""A process that streams the sinusoid as a policy would, to be killed or to be in the way."""

from __future__ import annotations

import subprocess
import sys

from visuomotor.contracts import Float64

AXIS = 1
"""Of base, along which everything here moves."""

STREAMER = """
import sys, time, rclpy
import numpy as np
from geometry_msgs.msg import PoseStamped
from visuomotor.ros import messages, topics
from visuomotor.bench.control.sinusoid import offset_m
rclpy.init()
node = rclpy.create_node("streamer")
target = node.create_publisher(PoseStamped, topics.POLICY_POSE, topics.COMMAND)
home = np.array([float(v) for v in sys.argv[1:]]).reshape(4, 4)
while not target.get_subscription_count():
    time.sleep(0.01)
begin = time.monotonic()
while True:
    pose = home.copy()
    pose[1, 3] += offset_m(time.monotonic() - begin)
    target.publish(messages.pose_msg(pose, node.get_clock().now().nanoseconds))
    time.sleep(0.05)
"""


def along(pose: Float64, by_m: float) -> Float64:
    """The pose (4, 4) moved along the axis."""
    moved: Float64 = pose.copy()
    moved[AXIS, 3] += by_m
    return moved


def streaming(home: Float64) -> subprocess.Popen[bytes]:
    """The process, about a pose (4, 4); the caller ends it."""
    words = [repr(float(v)) for v in home.ravel()]
    return subprocess.Popen([sys.executable, "-c", STREAMER, *words])
