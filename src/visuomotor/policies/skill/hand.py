"""The hand that a skill moves, as the gripper world has it: twists at 12 Hz, reached evenly."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import matrix_from_rotvec

CONTROL_HZ = 12
SPEED_M_S, TURN_RAD_S, ACT_S, LEAVE_S = 0.3, np.pi, 3.0, 7.0
"""The skill's largest velocity along an axis, when it acts, and when its fingers begin to leave.
"""
_SUBSTEP_S = 0.01


@dataclass(frozen=True)
class Hand:
    """A hand in the manipulation's frame, at the skill's own time.

    position (3,) m, rotation (3, 3) of its point; opening: that its fingers are driven to, m;
    time_s, step: the skill's time, and how many steps of 1/12 s were told; before, after (6,): the
    twists (m/s and rad/s along the frame's axes) at the beginning and end of the last of them;
    begun (3, 3): the rotation at its beginning; meant: the height and the opening that its motion
    would have told, m, where it was told others. As in the gripper world, within a step the angular
    velocity's axes turn with the hand.
    """

    position: Float64
    rotation: Float64
    opening: float
    time_s: float = 0.0
    step: int = 0
    before: Float64 = field(default_factory=lambda: np.zeros(6))
    after: Float64 = field(default_factory=lambda: np.zeros(6))
    begun: Float64 = field(default_factory=lambda: np.eye(3))
    meant: tuple[float, float] | None = None

    @property
    def left_s(self) -> float:
        """The skill's time to the end of the present step; 0: it is to be told the next."""
        return max(self.step / CONTROL_HZ - self.time_s, 0.0)

    def twist(self, later_s: float = 0.0) -> Float64:
        """The twist (6,) at this moment, or so much later, at most at the step's end."""
        share = 1.0 - max(self.left_s - later_s, 0.0) * CONTROL_HZ
        twist: Float64 = self.before + share * (self.after - self.before)
        return twist

    def told(
        self, twist: Float64, opening: float, meant: tuple[float, float] | None = None
    ) -> Hand:
        """At the end of a step: what it shall move at when the next one ends."""
        return replace(
            self,
            before=self.after,
            after=twist,
            opening=opening,
            step=self.step + 1,
            begun=self.rotation,
            meant=meant,
        )

    def moved(self, duration_s: float) -> Hand:
        """So much of the skill's time later, within the present step."""
        mean = self.twist() + 0.5 * duration_s * CONTROL_HZ * (self.after - self.before)
        return replace(
            self,
            time_s=self.time_s + duration_s,
            position=self.position + duration_s * mean[:3],
            rotation=self.rotation @ matrix_from_rotvec(duration_s * mean[3:] @ self.begun),
        )


def pace(twist: Float64, speed_m_s: float, turn_rad_s: float) -> float:
    """How fast the skill's time may go, at most 1, so that a twist (6,) keeps these bounds."""
    share = max(
        float(np.linalg.norm(twist[:3])) / speed_m_s, float(np.linalg.norm(twist[3:])) / turn_rad_s
    )
    return min(1.0, 1.0 / max(share, 1e-9))


def advance(
    hand: Hand, duration_s: float, speed_m_s: float, turn_rad_s: float
) -> tuple[Hand, float]:
    """The hand so much real time later, or where its present step ends, and what is left of it.

    speed_m_s, turn_rad_s: bounds in the frame; where its twist exceeds them, time goes slower, so
    that it goes the same way.
    """
    while duration_s > 1e-9 and hand.left_s > 1e-9:
        rate = pace(hand.twist(), speed_m_s, turn_rad_s)
        rate = min(rate, pace(hand.twist(_SUBSTEP_S * rate), speed_m_s, turn_rad_s))
        part_s = min(_SUBSTEP_S, duration_s, hand.left_s / rate)
        hand = hand.moved(part_s * rate)
        duration_s -= part_s
    return hand, duration_s
