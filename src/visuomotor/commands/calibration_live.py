"""The live halves of `calibrate`: views from the cameras' topics, and the wiggle."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from visuomotor.errors import CalibrationError, RobotError

if TYPE_CHECKING:
    from visuomotor.calibration.collector import Shot, ViewCollector
    from visuomotor.calibration.latency import MotionRecord
    from visuomotor.calibration.wiggle import WiggleConfig
    from visuomotor.ros.streams import FrameStreams

TARGET_HZ = 20.0
REACT_S = 2.0
"""The bridge must have accepted a target by then."""
LONGEST_STEP_S = 0.1
"""A machine that stalls interrupts the motion; it must not make the hand jump."""
SETTLE_S = 0.8
"""Recorded beyond the motion: the latest stamps are as late as the cameras."""


def collect_views(
    collector: ViewCollector,
    cameras: Sequence[str],
    enough: int,
    show: Callable[[list[Shot]], None],
    timeout_s: float,
) -> None:
    """Listens until every camera has `enough` views, or the operator types q.

    A view is taken wherever the arm stands still, and at Enter. Raises CalibrationError where
    robot or images do not come within timeout_s.
    """
    print("move the arm to poses that show the board, and stop at each; Enter: now, q: end")
    with _node() as node, _streams(node, collector, cameras) as streams:
        end = time.monotonic() + timeout_s

        def look() -> None:
            with streams.lock:
                show(collector.poll())

        while any(sum(v.name == c for v in collector.views) < enough for c in cameras):
            _spin(node, 0.1)
            look()
            silent = not collector.poses or not any(collector.images.values())
            if silent and time.monotonic() > end:
                refused = "; ".join(f"{t}: {n} unusable" for t, n in streams.refused.items())
                raise CalibrationError(
                    f"nothing to calibrate from within {timeout_s:g} s: {collector.why_nothing()}"
                    + (f" ({refused})" if refused else "")
                )
            word = _typed()
            if word == "q":
                return
            if word == "":
                with streams.lock:
                    _capture(collector, show)


def _capture(collector: ViewCollector, show: Callable[[list[Shot]], None]) -> None:
    try:
        show(collector.capture())
    except CalibrationError as error:
        print(f"  {error}", flush=True)


def record_wiggle(
    record: MotionRecord,
    cameras: Sequence[str],
    motion: WiggleConfig,
    timeout_s: float,
    ask: bool,
) -> None:
    """Wiggles the arm through the bridge, as a teleoperator, while `record` listens.

    It ends, and the dead-man is let go, after the motion, at any key and Enter, and at Ctrl-C.
    Raises RobotError where the bridge takes no target.
    """
    from geometry_msgs.msg import PoseStamped

    from visuomotor.calibration.latency import PATHS
    from visuomotor.ros import messages, topics
    from visuomotor.ros.polled import PolledSubscription

    with _node() as node, _streams(node, record, cameras, depth=False):
        latest: dict[str, Any] = {}

        def on_command(topic: str) -> Callable[[Any], None]:
            def take(msg: Any) -> None:
                record.add_command(topic, messages.stamp_ns_of(msg), messages.pose_from_msg(msg))

            return take

        extra = [
            PolledSubscription(node, PoseStamped, topic, topics.STATE, on_command(topic))
            for topic in PATHS
        ]
        extra.append(
            PolledSubscription(
                node,
                PoseStamped,
                topics.CURRENT_POSE,
                topics.NEWEST_STATE,
                lambda m: latest.update(pose=messages.pose_from_msg(m)),
            )
        )

        def listen(seconds: float) -> None:
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                _spin(node, min(left, 0.02))
                for subscription in extra:
                    subscription.drain()

        end = time.monotonic() + timeout_s
        while "pose" not in latest or not all(map(record.images, cameras)):
            if time.monotonic() > end:
                lacking = [c for c in cameras if not record.images(c)]
                lacking += [] if "pose" in latest else ["current_pose"]
                raise CalibrationError(
                    f"nothing came of {', '.join(lacking)} within {timeout_s:g} s; are the "
                    "cameras' drivers and the bridge running?"
                )
            listen(0.1)
        if ask:
            print(
                f"the hand will move {100 * motion.amplitude_m:.0f} cm back and forth for "
                f"{motion.duration_s:g} s; hand on the emergency stop. Enter: begin"
            )
            if sys.stdin.readline() == "":
                raise RobotError("nobody to ask (no terminal): say --yes to wiggle at once")
        listen(SETTLE_S)
        _drive(node, record, motion, latest["pose"], listen)
        listen(SETTLE_S)


def _drive(
    node: Any,
    record: MotionRecord,
    motion: WiggleConfig,
    start: Any,
    listen: Callable[[float], None],
) -> None:
    """Publishes targets and dead-man at 20 Hz for as long as the motion lasts."""
    from geometry_msgs.msg import PoseStamped
    from std_msgs.msg import Bool

    from visuomotor.calibration.wiggle import wiggle
    from visuomotor.ros import messages, topics
    from visuomotor.teleop import DeadMan

    pose = node.create_publisher(PoseStamped, topics.TELEOP_POSE, topics.COMMAND)
    enable = node.create_publisher(Bool, topics.TELEOP_ENABLE, topics.COMMAND)
    dead_man = DeadMan(TARGET_HZ)
    dead_man.press(time.monotonic_ns())
    listen(0.5)  # until the bridge has found the publishers
    accepted, elapsed_s, before = record.commands("command"), 0.0, time.monotonic()
    try:
        while elapsed_s < motion.duration_s:
            now = time.monotonic()
            elapsed_s, before = elapsed_s + min(now - before, LONGEST_STEP_S), now
            if _typed() is not None:
                raise RobotError("stopped by a key; nothing was written")
            due = dead_man.poll(time.monotonic_ns())
            if due is not None:
                enable.publish(Bool(data=due))
            stamp_ns = int(node.get_clock().now().nanoseconds)
            pose.publish(messages.pose_msg(wiggle(start, elapsed_s, motion), stamp_ns))
            listen(1.0 / TARGET_HZ)
            if elapsed_s > REACT_S and record.commands("command") == accepted:
                raise RobotError(
                    "the bridge accepts no target: look at command/status (hold or fault: "
                    "visuomotor call bridge/reset)"
                )
    finally:
        for _ in range(3):
            enable.publish(Bool(data=False))
            time.sleep(0.02)


@contextmanager
def _node() -> Iterator[Any]:
    """A node of this process, on this machine unless the user says otherwise."""
    from visuomotor.ros.discovery import local_environment

    os.environ.update(local_environment(os.environ))

    import rclpy
    from rclpy.signals import SignalHandlerOptions

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(f"visuomotor_calibrate_{os.getpid()}")
    try:
        yield node
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def _streams(
    node: Any, sink: Any, cameras: Sequence[str], depth: bool = True
) -> Iterator[FrameStreams]:
    from visuomotor.ros.streams import FrameStreams

    streams = FrameStreams(node, sink, cameras, depth)
    try:
        yield streams
    finally:
        streams.close()


def _spin(node: Any, seconds: float) -> None:
    import rclpy

    rclpy.spin_once(node, timeout_sec=seconds)


def _typed() -> str | None:
    """A line that the operator has typed since, None if there is none or no terminal."""
    try:
        if not select.select([sys.stdin], [], [], 0)[0]:
            return None
    except (OSError, ValueError):  # no standard input
        return None
    line = sys.stdin.readline()
    return line.strip().lower() if line else None
