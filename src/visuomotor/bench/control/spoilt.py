"""Targets that no bridge may take: what makes them of good ones."""

from __future__ import annotations

import math
from collections.abc import Callable

from geometry_msgs.msg import PoseStamped

from visuomotor.ros import messages

Alter = Callable[[PoseStamped], PoseStamped]
OLD_S = 10.0


def not_a_number(target: PoseStamped) -> PoseStamped:
    """NaN as positions."""
    p = target.pose.position
    p.x = p.y = p.z = math.nan
    return target


def ten_centimetres_off(target: PoseStamped) -> PoseStamped:
    """10 cm aside."""
    target.pose.position.z += 0.10
    return target


def of_another_frame(target: PoseStamped) -> PoseStamped:
    """The same numbers in a camera's frame."""
    target.header.frame_id = "front_color_optical_frame"
    return target


def old(target: PoseStamped) -> PoseStamped:
    """Made OLD_S ago, or by a clock that is behind."""
    return _stamped(target, -OLD_S)


def of_the_future(target: PoseStamped) -> PoseStamped:
    """By a clock that is OLD_S ahead."""
    return _stamped(target, OLD_S)


def _stamped(target: PoseStamped, shift_s: float) -> PoseStamped:
    stamp_ns = messages.stamp_ns_of(target) + round(1e9 * shift_s)
    target.header.stamp = messages.time_msg(stamp_ns)
    return target


SPOILT: dict[str, tuple[str, Alter]] = {
    "not_a_number": ("NaN targets", not_a_number),
    "jumping": ("targets 10 cm off", ten_centimetres_off),
    "wrong_frame": ("targets in a camera's frame", of_another_frame),
    "old_stamps": ("targets 10 s old", old),
    "future_stamps": ("targets 10 s ahead of the clock", of_the_future),
}
"""What it is called, and how a target becomes it."""
