"""The operator's gripper: one press, one change, and no surprise when the clutch is taken up."""

from __future__ import annotations

import math

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M
from visuomotor.errors import unknown_name
from visuomotor.teleop.device import Reading

MODES = ("toggle", "hold", "none")
_SHUT = 0.2  # of the open width: fingers that close on nothing
_NEARLY = 0.9  # of the open width: no finger that was told to close is still there ...
_SETTLED_S = 2.0  # ... so long after


class GripperSwitch:
    """Which width to ask for.

    mode: `toggle`: each press opens or closes; `hold`: closed while the button is down; `none`:
    never a command. Widths in m. Raises ValueError for another mode or impossible widths.
    """

    def __init__(
        self,
        mode: str = "toggle",
        closed_width_m: float = 0.0,
        open_width_m: float = MAX_GRIPPER_WIDTH_M,
    ) -> None:
        if mode not in MODES:
            raise ValueError(unknown_name("gripper mode", mode, MODES))
        if not 0.0 <= closed_width_m < open_width_m <= MAX_GRIPPER_WIDTH_M:
            raise ValueError(
                f"gripper: got {closed_width_m} to {open_width_m} m, expected widths "
                f"from 0 to {MAX_GRIPPER_WIDTH_M}, the closed one smaller"
            )
        self._mode, self._closed, self._open = mode, closed_width_m, open_width_m
        self._width: float | None = open_width_m  # None: not known, and not to be changed
        self._apart = open_width_m  # the fingers, as seen last

    def observe(
        self, measured_m: float | None, commanded_m: float | None, commanded_s: float = math.inf
    ) -> None:
        """While nobody holds the clutch: starts from what the hand does.

        measured_m: between the fingers. commanded_m, commanded_s: the last accepted command and
        its age. That tells more than the fingers, which stand apart on what they hold; but fingers
        that are still wide open long after hold nothing, whatever they were told. With no command
        known, fingers that stand half-way may hold something: they are let be until a press.
        """
        self._apart = self._apart if measured_m is None else measured_m
        settled = commanded_s > _SETTLED_S
        if measured_m is not None and settled and measured_m > _NEARLY * self._open:
            self._width = self._open
        elif commanded_m is not None:
            self._width = commanded_m
        elif measured_m is not None:
            self._width = self._closed if measured_m < _SHUT * self._open else None

    def update(self, reading: Reading) -> float | None:
        """The width in m to ask for while the clutch is held, or None."""
        if reading.width_m is not None:
            self._width = min(max(reading.width_m, self._closed), self._open)
        elif self._mode == "none":
            return None
        elif self._mode == "hold":
            self._width = self._closed if reading.grip else self._open
        elif reading.toggles % 2:
            width = self._apart if self._width is None else self._width
            apart = width > 0.5 * (self._closed + self._open)
            self._width = self._closed if apart else self._open
        return self._width
