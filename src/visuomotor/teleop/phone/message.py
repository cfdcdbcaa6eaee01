"""What the page sends: one JSON object per change and per frame."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from visuomotor.contracts import Float64
from visuomotor.errors import DataError
from visuomotor.geometry import pose_from_quat_xyzw


@dataclass(frozen=True)
class PhoneMessage:
    """The buttons that are down, and the phone's pose in its own world.

    T_world_phone (4, 4): WebXR's axes, x right, y up, z backwards; None while the phone does not
    know where it is. echo_ms: the newest stamp of ours that the page had seen; None: none yet.
    """

    clutch: bool
    gripper: bool
    policy: bool
    T_world_phone: Float64 | None
    echo_ms: int | None


def parse(text: str | bytes) -> PhoneMessage:
    """The message of a JSON text; DataError says what is wrong with it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"phone: got no JSON ({error})") from None
    if not isinstance(values, dict):
        raise DataError(f"phone: got {type(values).__name__}, expected an object")
    clutch, gripper, policy = (_button(values, name) for name in ("clutch", "gripper", "policy"))
    echo = values.get("echo")
    if echo is not None and not (isinstance(echo, int) and not isinstance(echo, bool)):
        raise DataError(f"phone: echo: got {echo!r}, expected a whole number")
    return PhoneMessage(clutch, gripper, policy, _pose(values), echo)


def _button(values: dict[str, Any], name: str) -> bool:
    got = values.get(name)
    if not isinstance(got, bool):
        raise DataError(f"phone: {name}: got {got!r}, expected true or false")
    return got


def _pose(values: dict[str, Any]) -> Float64 | None:
    if values.get("position") is None:
        return None
    p, q = _numbers(values, "position", 3), _numbers(values, "quat_xyzw", 4)
    if not 0.5 < math.hypot(*q) < 2.0:
        raise DataError(f"phone: quat_xyzw: got {q}, expected unit length")
    return pose_from_quat_xyzw(p, q)


def _numbers(values: dict[str, Any], name: str, count: int) -> list[float]:
    got = values.get(name)
    if not isinstance(got, list) or len(got) != count:
        raise DataError(f"phone: {name}: got {got!r}, expected {count} numbers")
    for v in got:
        real = isinstance(v, (int, float)) and not isinstance(v, bool)
        if not (real and abs(v) < 1e3):  # also refuses NaN and infinity
            raise DataError(f"phone: {name}: got {got!r}, expected {count} numbers below 1000")
    return [float(v) for v in got]
