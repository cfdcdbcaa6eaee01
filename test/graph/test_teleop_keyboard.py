"""The keyboard node in a terminal of its own: keys move, silence lets go, the terminal survives."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool

from visuomotor.geometry import pose
from visuomotor.ros import messages, topics

pytestmark = pytest.mark.alone

HOME = pose(np.diag([1.0, -1.0, -1.0]), [0.4, 0.0, 0.3])
COMMAND = [sys.executable, "-m", "visuomotor.nodes.teleop_keyboard"]


@pytest.fixture
def terminal():
    master, slave = pty.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_keys_become_targets_and_silence_lets_go(terminal) -> None:
    master, slave = terminal
    before = termios.tcgetattr(slave)
    rclpy.init()
    node = rclpy.create_node("arm")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    targets, enables, widths, policy, keys = [], [], [], [], ["w"]
    listen = node.create_subscription
    listen(PoseStamped, topics.TELEOP_POSE, targets.append, topics.RELIABLE)
    listen(JointState, topics.TELEOP_GRIPPER, widths.append, topics.RELIABLE)
    listen(Bool, topics.TELEOP_ENABLE, lambda m: enables.append(m.data), topics.RELIABLE)
    listen(Bool, topics.POLICY_ENABLE, lambda m: policy.append(m.data), topics.RELIABLE)
    state = node.create_publisher(PoseStamped, topics.CURRENT_POSE, topics.STATE)

    def repeat() -> None:
        state.publish(messages.pose_msg(HOME, node.get_clock().now().nanoseconds))
        if keys:
            os.write(master, keys[0].encode())

    node.create_timer(0.03, repeat)

    def spin(condition, what) -> None:
        limit = time.monotonic() + 15.0
        while not condition():
            assert time.monotonic() < limit, f"waited in vain for {what}"
            executor.spin_once(timeout_sec=0.02)

    process = subprocess.Popen(COMMAND, stdin=slave, stderr=subprocess.PIPE, text=True)
    try:
        spin(lambda: targets and enables and widths, "a message on every topic")
        spin(lambda: targets[-1].pose.position.x > 0.41, "a target ahead")

        def held_for_a_second() -> bool:  # where this machine stalls, the node rightly lets go
            enables.clear()
            end = time.monotonic() + 1.0
            while time.monotonic() < end:
                executor.spin_once(timeout_sec=0.02)
            return len(enables) >= 5 and all(enables)

        spin(held_for_a_second, "a second in which the repeated key held the dead-man")
        assert max(t.pose.position.x for t in targets) < 0.4 + 0.03 + 1e-6
        assert messages.gripper_command_from_msg(widths[-1]) == 0.08
        keys.clear()
        spin(lambda: enables[-1] is False, "the release")
        targets.clear()
        keys.append(" ")
        spin(lambda: 0.0 in [messages.gripper_command_from_msg(m) for m in widths], "a closed hand")
        np.testing.assert_allclose(messages.pose_from_msg(targets[-1]), HOME, atol=1e-6)
        keys[:] = ["p"]
        spin(lambda: policy and policy[-1] and enables[-1] is False, "the policy's dead-man alone")
        keys.clear()
        spin(lambda: policy[-1] is False, "the policy's release")
        process.send_signal(signal.SIGINT)
        spin(lambda: process.poll() is not None, "the end")
        assert process.returncode == 0, process.stderr.read()
        assert termios.tcgetattr(slave) == before
    finally:
        process.kill()
        process.wait(10)
        process.stderr.close()
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()


def test_without_a_terminal_it_says_so_in_one_line() -> None:
    done = subprocess.run(
        COMMAND, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "terminal of its own" in errors[0]
