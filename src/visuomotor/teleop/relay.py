"""A leader arm, or any other source of poses on a topic, as an operator's device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import is_pose, pose_delta
from visuomotor.teleop.device import Reading, SilentDevice

_STILL = np.eye(4)


class Relay(SilentDevice):
    """Takes poses and a dead-man as they come; what is old, late or no pose holds nothing.

    relative: each pose is a step since the one before, else the source's pose in a world of its
    own. timeout_s: silence of either topic for so long lets go. max_lag_s: a message older than
    this on arrival is refused. Refusals are counted by reason: late, not_a_pose, width.
    """

    def __init__(
        self, relative: bool = False, timeout_s: float = 0.3, max_lag_s: float = 0.5
    ) -> None:
        self._relative = relative
        self._timeout_ns, self._max_lag_s = round(timeout_s * 1e9), max_lag_s
        self._enabled_ns: int | None = None
        self._pose: Float64 | None = None
        self._pose_ns = 0
        self._step = np.zeros(6)
        self._width_m: float | None = None
        self._refused = Counter[str]()

    def enable(self, pressed: bool, now_ns: int) -> None:
        """A message of the source's dead-man."""
        self._enabled_ns = now_ns if pressed else None

    def pose(self, T: Float64, age_s: float, now_ns: int) -> None:
        """A pose or a step (4, 4), made age_s ago by its stamp (0 without one)."""
        if not is_pose(T):
            self.refuse("not_a_pose")
        elif abs(age_s) > self._max_lag_s:
            self.refuse("late")
        else:
            self._pose, self._pose_ns = T, now_ns
            if self._relative:
                self._step += pose_delta(_STILL, T)

    def width(self, width_m: float) -> None:
        """A gripper's full width in m; it is kept until the next one."""
        if np.isfinite(width_m):
            self._width_m = float(width_m)
        else:
            self.refuse("width")

    def refuse(self, reason: str) -> None:
        """Counts a message that was refused."""
        self._refused[reason] += 1

    def read(self, now_ns: int) -> Reading:
        """The newest pose, or the steps since the last reading."""
        step, self._step = self._step, np.zeros(6)
        fresh = self._pose is not None and self._recent(self._pose_ns, now_ns)
        enabled = self._enabled_ns is not None and self._recent(self._enabled_ns, now_ns)
        if not (fresh and enabled):
            return Reading()
        if self._relative:
            return Reading(True, step=step, width_m=self._width_m)
        return Reading(True, pose=self._pose, width_m=self._width_m)

    def counters(self) -> Mapping[str, int]:
        """What was refused, by reason."""
        return dict(self._refused)

    def _recent(self, then_ns: int, now_ns: int) -> bool:
        return 0 <= now_ns - then_ns <= self._timeout_ns
