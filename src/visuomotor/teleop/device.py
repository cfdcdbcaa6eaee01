"""What every device of an operator yields, whatever it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from visuomotor.contracts import Float64


@dataclass(frozen=True)
class Reading:
    """What the operator asks for at one instant; at most one of rate, step and pose.

    held: the dead-man, which is the clutch too. rate (6,): fractions, -1 to 1, of full speed along
    x y z and about them. step (6,): a delta in m and rad since the last reading. pose (4, 4): the
    device in a world of its own, which counts only relative to where it was when it was engaged.
    toggles: presses of the gripper's button since the last reading; grip: it is down now.
    policy: the button that lets a policy move is down. width_m: a width asked for outright.
    """

    held: bool = False
    rate: Float64 | None = None
    step: Float64 | None = None
    pose: Float64 | None = None
    toggles: int = 0
    grip: bool = False
    policy: bool = False
    width_m: float | None = None


class Device(Protocol):
    """Something that an operator holds."""

    def read(self, now_ns: int) -> Reading:
        """What is asked for now; presses are handed out once. RobotError where it is gone."""
        ...

    def tell(self, text: str) -> None:
        """Shows the operator a line, on a device that can."""
        ...

    def counters(self) -> Mapping[str, int]:
        """What was refused, by reason."""
        ...

    def close(self) -> None:
        """Lets the device go; may be called again."""
        ...


class SilentDevice:
    """A device that shows nothing, refuses nothing and needs no closing."""

    def tell(self, text: str) -> None:
        """Nowhere to show it."""

    def counters(self) -> Mapping[str, int]:
        """Nothing is refused."""
        return {}

    def close(self) -> None:
        """Nothing to let go."""
