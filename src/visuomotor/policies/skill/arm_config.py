"""What a skill is told about the arm that does it, and about the place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visuomotor.control.limits import Limits
from visuomotor.control.reach import ReachLimits


@dataclass(frozen=True)
class SkillArmConfig:
    """How an arm with a Franka hand does a skill.

    scale: of all of the skill's lengths; its fingers open 15 cm, the Franka hand's 8. yaw_deg: how
    far the manipulation's frame is turned about the vertical (0: its right is base's x, away from
    the arm, its viewer looks along base's y); None: the arm chooses among `yaws` that which it
    reaches best. raises_m: the frame may stand so far above the table, tried in this order, so that
    hand and wrist stay clear of it. place_m: x and y in base of the frame's origin, below the first
    object; without it the object's pose is asked of the set. moved_m: in the puts where the other
    object stands that is to be fetched, x and y. height_m: of the object that is moved, None: twice
    its pose's height above the table. azimuths_deg, elevation_deg, position_m: the hand's start in
    the frame, of skills that have learned to begin anywhere; put_position_m: in the puts. safe_m:
    height above the table at which the hand goes to the start. retreat_m: from how far behind it
    comes. speed_share: of the limits' speeds, that commands use. feedback: how much of what the
    hand deviates the skill is told, 0 to 1. lag_s: of the arm behind its targets. leash_m,
    leash_rad: the targets wait for a hand that is farther behind. camera: whose images beat time
    where no object's pose is asked for. limits: the bridge's. reach: how near the arm may come to
    its own limits. Raises ValueError for what is out of bounds.
    """

    scale: float = 0.5
    yaw_deg: float | None = None
    yaws: int = 24
    raises_m: tuple[float, ...] = (0.0, 0.003, 0.006, 0.01, 0.02)
    place_m: tuple[float, ...] = ()
    moved_m: tuple[float, ...] = ()
    height_m: float | None = None
    azimuths_deg: tuple[float, ...] = (90.0, 0.0, 180.0, 45.0, 135.0)
    elevation_deg: float = 30.0
    position_m: tuple[float, float, float] = (0.0, -0.05, 0.15)
    put_position_m: tuple[float, float, float] = (0.0, -0.20, 0.20)
    safe_m: float = 0.20
    retreat_m: float = 0.09
    speed_share: float = 0.7
    feedback: float = 1.0
    lag_s: float = 0.06
    leash_m: float = 0.045
    leash_rad: float = 0.4
    camera: str = "front"
    limits: Limits = Limits()
    reach: ReachLimits = ReachLimits()

    def __post_init__(self) -> None:
        positive = ("scale", "yaws", "safe_m", "speed_share", "leash_m", "leash_rad")
        for name in positive:
            if not 0 < getattr(self, name) <= 1000:
                raise ValueError(
                    f"{name}: got {getattr(self, name)}, expected more than 0, and 1000 at most"
                )
        lengths = (*self.position_m, *self.put_position_m, *self.raises_m, self.retreat_m)
        if not (np.abs([*lengths, *self.place_m, *self.moved_m, self.height_m or 0.0]) <= 10).all():
            raise ValueError(
                f"got position_m {self.position_m}, put_position_m {self.put_position_m}, raises_m "
                f"{self.raises_m}, retreat_m {self.retreat_m}, place_m {self.place_m}, moved_m "
                f"{self.moved_m}, height_m {self.height_m}; expected lengths of 10 m at most"
            )
        angles = (*self.azimuths_deg, self.elevation_deg, self.yaw_deg or 0.0)
        if not np.isfinite([*angles, self.lag_s]).all():
            raise ValueError(
                f"got azimuths_deg {self.azimuths_deg}, elevation_deg {self.elevation_deg}, "
                f"yaw_deg {self.yaw_deg}, lag_s {self.lag_s}; expected finite numbers"
            )
        for name in ("place_m", "moved_m"):
            value = getattr(self, name)
            if len(value) not in (0, 2) or not np.isfinite(value).all():
                raise ValueError(f"{name}: got {value}, expected x and y in m, or nothing")
        if not (0 <= self.feedback <= 1 and self.speed_share <= 1):
            raise ValueError(
                f"got feedback {self.feedback}, speed_share {self.speed_share}; expected 0 to 1"
            )
        if min(self.retreat_m, self.lag_s, *self.raises_m) < 0 or not self.azimuths_deg:
            raise ValueError(
                f"got retreat_m {self.retreat_m}, lag_s {self.lag_s}, raises_m {self.raises_m}, "
                f"azimuths_deg {self.azimuths_deg}; expected nothing negative, and an azimuth"
            )
        if not self.raises_m:
            raise ValueError("raises_m: got none, expected one height at least, such as 0")

    @property
    def yaws_rad(self) -> tuple[float, ...]:
        """The yaws to try."""
        if self.yaw_deg is not None:
            return (float(np.deg2rad(self.yaw_deg)),)
        return tuple(2 * np.pi * i / self.yaws for i in range(self.yaws))
