"""Out of a deadlock: an arm that stands still is given other actions than the likeliest.

GTI, "Robustness results": sampling gets a policy unstuck that conflicting demonstrations hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import pose_delta

_S_NS = 1_000_000_000


@dataclass(frozen=True)
class RecoveryConfig:
    """When the arm is stuck, and for how long it then acts at random.

    It is stuck if for stuck_s its hand has stayed within stuck_m and stuck_rad of one pose and its
    gripper within stuck_width_m; 0 s: never. unstick_s: so long the memory that was dropped is
    followed by actions that are drawn: of a mixture from all of it, else by adding one step that is
    drawn anew each time, unstick_spread times the demonstrated ones' spread.
    """

    stuck_s: float = 2.0
    stuck_m: float = 0.01
    stuck_rad: float = 0.05
    stuck_width_m: float = 0.002
    unstick_s: float = 1.0
    unstick_spread: float = 0.5

    def __post_init__(self) -> None:
        bounds = (self.stuck_m, self.stuck_rad, self.stuck_width_m)
        if min(self.stuck_s, self.unstick_s, self.unstick_spread) < 0 or min(bounds) <= 0:
            raise ValueError(
                f"recovery: got stuck_s {self.stuck_s}, unstick_s {self.unstick_s}, unstick_spread "
                f"{self.unstick_spread}, stuck_m, stuck_rad, stuck_width_m {bounds}; expected "
                "times and spread >= 0 and bounds > 0"
            )


class Recovery:
    """Watches the arm of one episode; `count`: how often it was stuck."""

    def __init__(self, config: RecoveryConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forgets the episode."""
        self.count = 0
        self._anchor: tuple[int, Float64, float] | None = None
        self._until_ns: int | None = None

    def update(self, stamp_ns: int, T_base_ee: Float64, width_m: float) -> bool:
        """Whether the arm is stuck just now, for the first time since it moved or was helped."""
        now = (stamp_ns, np.array(T_base_ee), width_m)
        if self._anchor is None or stamp_ns < self._anchor[0] or self._moved(T_base_ee, width_m):
            self._anchor = now
            return False
        waited_s = (stamp_ns - self._anchor[0]) / _S_NS
        if self._config.stuck_s <= 0 or waited_s < self._config.stuck_s:
            return False
        self.count += 1
        self._anchor = now
        self._until_ns = stamp_ns + round(self._config.unstick_s * _S_NS)
        return True

    def sampling(self, stamp_ns: int) -> bool:
        """Whether actions are to be drawn at this time."""
        return self._until_ns is not None and stamp_ns < self._until_ns

    def _moved(self, T_base_ee: Float64, width_m: float) -> bool:
        assert self._anchor is not None
        delta = pose_delta(self._anchor[1], T_base_ee)
        return bool(
            np.linalg.norm(delta[:3]) >= self._config.stuck_m
            or np.linalg.norm(delta[3:]) >= self._config.stuck_rad
            or abs(width_m - self._anchor[2]) >= self._config.stuck_width_m
        )
