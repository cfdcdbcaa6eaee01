"""How much slower the reference goes: near a joint's limit, and ahead of an arm that lags."""

from __future__ import annotations

from visuomotor.contracts import Float64, RobotState
from visuomotor.control.bridge_config import BridgeConfig
from visuomotor.control.joints import speed_share
from visuomotor.control.tracking import length

SPRING_SHARE = 0.9
"""Of the greatest speed, ahead of a spring: its arm swings about the reference's."""
LEAST_LAG_SHARE = 0.2
"""Ahead of an arm that is blocked the reference goes on at this share, until it is a fault."""


class Slowing:
    """The share of the greatest speeds that a reference may have now, and what it is less for."""

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self._joints = self._lag = 1.0

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(self._joints, self._lag)

    def near_limits(self, state: RobotState) -> bool:
        """Looks at the joints; True where they begin to slow the arm down."""
        config, before = self._config, self._joints
        self._joints = speed_share(
            state.q, state.dq, config.joint_slow_rad, config.joint_least_share
        )
        return self._joints < 1.0 <= before

    def lagging(
        self, reference: Float64, velocity: Float64, measured: Float64, age_s: float
    ) -> bool:
        """Looks how far the arm is behind along the way; True where that begins to slow it down.

        reference, measured: (4, 4) in base; velocity (3,) m/s of the reference; age_s: of the
        measurement, in which the reference has gone on. A spring adds `catch_up_rate` times the
        distance to the reference's speed, so that this much of max_speed is left to it.
        """
        config, before, speed = self._config, self._lag, length(velocity)
        if config.catch_up_rate == 0.0:
            return False
        self._lag = SPRING_SHARE
        if speed > 1e-6:
            behind = float((reference[:3, 3] - measured[:3, 3]) @ velocity) / speed - speed * age_s
            left = SPRING_SHARE - config.catch_up_rate * max(behind, 0.0) / config.max_speed
            self._lag = min(SPRING_SHARE, max(LEAST_LAG_SHARE, left))
        return self._lag < SPRING_SHARE <= before
