"""`weak capture`: the node that snaps labelled pictures, with this terminal's keys."""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from visuomotor.commands.keys import Keys
from visuomotor.errors import VisuomotorError
from visuomotor.labelling import check_labels

if TYPE_CHECKING:
    from visuomotor.nodes.weak_capture import WeakCapture

POLL_S = 0.05


def run_capture(values: Mapping[str, Any], labels: Sequence[str]) -> None:
    """Runs the node with these parameters until q or Ctrl-C."""
    from visuomotor.ros.discovery import local_environment

    os.environ.update(local_environment(os.environ))

    from visuomotor.nodes.weak_capture import WeakCapture
    from visuomotor.ros.run import run_node

    labels = check_labels(labels)
    words = (("-p", f"{name}:={json.dumps(value)}") for name, value in values.items())
    with Keys(sys.stdin.fileno()) as keys:

        def make() -> WeakCapture:
            node = WeakCapture()
            _listen(node, keys, labels)
            return node

        run_node(make, ["--ros-args", *itertools.chain(*words)])


def _listen(node: WeakCapture, keys: Keys, labels: Sequence[str]) -> None:
    from rclpy.clock import Clock, ClockType
    from rclpy.parameter import Parameter

    names = ", ".join(f"{i} {label}" for i, label in enumerate(labels, 1))
    node.get_logger().info(f"waiting for {', '.join(node.config.cameras)}")
    ready = False

    def poll() -> None:
        nonlocal ready
        if not ready and node.images.heard():
            ready = True
            node.get_logger().info(f"images come; space or Enter: snap, {names}, q: end")
        key = keys.read(0.0)
        if key == "end":
            timer.cancel()
        elif key == "q":
            raise SystemExit(0)
        elif key in (" ", "enter"):
            try:
                node.snap()
            except VisuomotorError as error:
                node.get_logger().error(str(error))
        elif key.isdecimal() and 1 <= int(key) <= len(labels):
            label = labels[int(key) - 1]
            node.set_parameters([Parameter("label", value=label)])
            node.get_logger().info(f"label {label}")

    timer = node.create_timer(POLL_S, poll, clock=Clock(clock_type=ClockType.STEADY_TIME))
