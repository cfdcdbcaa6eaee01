"""A 3Dconnexion SpaceMouse through pyspacemouse (HID)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from visuomotor.errors import MissingDependencyError, RobotError
from visuomotor.teleop.stick import MOTION, Deflection, Meaning

AXES: tuple[str, ...] = ("x", "y", "z", "roll", "pitch", "yaw")
MEANING = Meaning(AXES, MOTION, "button1", "button2")
_WIRELESS = ("wireless", "receiver", "bluetooth")  # in the names of such devices
_REPORTS = 256  # taken at most in one poll


class SpaceMouse:
    """The cap's `Controls`, with x forward, y left, z up, and its buttons by number and name.

    timeout_s: a cap off its centre sends reports all the time, so one that is silent so long
    counts as centred. A wireless mouse may then as well be out of reach: its buttons count as up,
    and no button of it can be held at rest. mouse: an open pyspacemouse.SpaceMouseDevice; None:
    the index-th that is found. Raises MissingDependencyError without pyspacemouse or hidapi,
    RobotError where there is no mouse; `poll` raises RobotError when it is pulled out.
    """

    axes, meaning = AXES, MEANING

    def __init__(self, index: int = 0, timeout_s: float = 0.3, mouse: Any = None) -> None:
        self._mouse = _open(index) if mouse is None else mouse
        self.name = str(self._mouse.name)
        named = [str(n).lower() for n in self._mouse.info.button_names]
        self._names = [{f"button{i}", name} for i, name in enumerate(named, start=1)]
        self.buttons = (*(f"button{i + 1}" for i in range(len(named))), *named)
        self._timeout_ns = round(timeout_s * 1e9)
        self._wireless = any(w in self.name.lower() for w in _WIRELESS)
        self._heard_ns: int | None = None
        self._t = -1.0
        self._down: frozenset[str] = frozenset()

    def poll(self, now_ns: int) -> Deflection:
        """The state after every report that waits."""
        clicks = Counter[str]()
        try:
            for _ in range(_REPORTS):
                state = self._mouse.read()  # one report; its time tells whether there was one
                if state.t == self._t:
                    break
                self._t, self._heard_ns = state.t, now_ns
                down = self._pressed(state.buttons)
                clicks.update(down - self._down)
                self._down = down
        except Exception as error:  # easyhid's class, which needs hidapi to be imported
            raise RobotError(
                f"spacemouse {self.name!r} is gone ({error}); plug it in and start again"
            ) from error
        heard_ns = self._heard_ns
        if heard_ns is None or now_ns - heard_ns > self._timeout_ns:
            pressed = frozenset[str]() if self._wireless else self._down
            return Deflection(pressed=pressed, clicks=clicks)
        return Deflection({n: float(getattr(state, n)) for n in AXES}, self._down, clicks)

    def close(self) -> None:
        """Lets the mouse go."""
        self._mouse.close()

    def _pressed(self, buttons: list[int]) -> frozenset[str]:
        return frozenset(
            n for names, b in zip(self._names, buttons, strict=True) if b for n in names
        )


def _open(index: int) -> Any:
    try:
        import pyspacemouse
    except ImportError:
        raise MissingDependencyError(
            "spacemouse: pyspacemouse is not installed; pip install 'visuomotor[teleop]'"
        ) from None
    try:
        found = pyspacemouse.get_connected_devices()
    except RuntimeError:
        raise MissingDependencyError(
            "spacemouse: the library hidapi is not installed; apt-get install libhidapi-hidraw0"
        ) from None
    if index >= len(found):
        raise RobotError(
            f"spacemouse: got index {index}, but {len(found)} are connected; plug one in (and let "
            "your user read /dev/hidraw*: docs/teleoperation.md)"
        )
    name = found[index]
    convention = pyspacemouse.AxisConvention.ROS
    try:
        return pyspacemouse.open(
            device=name, device_index=found[:index].count(name), axis_convention=convention
        )
    except RuntimeError as error:
        raise RobotError(
            f"spacemouse {name!r}: {error}; your user may not read /dev/hidraw*: "
            "docs/teleoperation.md"
        ) from error
