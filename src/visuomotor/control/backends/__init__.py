"""Controllers that execute the bridge's reference; one file each, imported only when used."""

from __future__ import annotations

from typing import Protocol

from visuomotor.contracts import Float64, RobotState


class Backend(Protocol):
    """An arm with its gripper that follows a reference.

    No call but `start`, `recover` and `stop` blocks. `fault` is why the arm no longer follows, or
    "": it ends with `recover` alone.
    """

    @property
    def fault(self) -> str:
        """Why the arm stopped following, in one sentence; "" while all is well."""

    def start(self) -> None:
        """Connects and holds the arm where it is; raises RobotError with what to do."""

    def state(self) -> RobotState | None:
        """The newest robot state, or None before the first; its stamp grows with each new one."""

    def send(self, pose: Float64, twist: Float64, acceleration: Float64 | None = None) -> None:
        """The reference to follow now: pose (4, 4) in base; twist, acceleration (6,), base axes."""

    def grip(self, width_m: float) -> None:
        """Opens or closes to this full width in m; call it once per change."""

    @property
    def gripper_problem(self) -> str:
        """What the hand failed at last; "" while all is well."""

    def home_gripper(self) -> None:
        """Lets the hand find its ends, which drops what it holds; RobotError without a hand."""

    def recover(self) -> None:
        """After a fault: clears the errors and holds the arm where it is."""

    def stop(self) -> None:
        """Brings the arm to rest and lets go of it; never raises, may be called again."""
