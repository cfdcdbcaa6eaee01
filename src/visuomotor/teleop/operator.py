"""From what a device says and where the arm is to what is published: the same for every device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import apply_delta, is_pose
from visuomotor.teleop.clutch import Clutch
from visuomotor.teleop.config import OperatorConfig
from visuomotor.teleop.dead_man import DeadMan
from visuomotor.teleop.device import Reading
from visuomotor.teleop.frame import Frame
from visuomotor.teleop.gripper import GripperSwitch
from visuomotor.teleop.targets import DeltaTargets

_RATES = 4.0  # dead-men are polled once a period: so often, no tick that comes early is skipped


@dataclass(frozen=True)
class Arm:
    """What is known of the arm: T_base_ee (4, 4) is None where its last pose is too old.

    width_m: between the fingers; commanded_m, commanded_s: the last width that the bridge
    accepted, and how long ago.
    """

    T_base_ee: Float64 | None = None
    width_m: float | None = None
    commanded_m: float | None = None
    commanded_s: float = math.inf


@dataclass(frozen=True)
class Wish:
    """What to publish now; None: nothing on that topic."""

    enable: bool | None = None
    policy: bool | None = None
    target: Float64 | None = None  # (4, 4)
    width_m: float | None = None
    state: str = "released"  # moving, policy, no robot


class Operator:
    """Dead-men, clutch, leash and gripper of one operator.

    clutch: for devices that yield poses or steps. frame: for those that yield rates.
    """

    def __init__(
        self,
        config: OperatorConfig,
        clutch: Clutch | None = None,
        frame: Frame | None = None,
        gripper: str = "toggle",
    ) -> None:
        self._config = config
        self._frame = frame or Frame()
        self._clutch = clutch
        self._targets = DeltaTargets(config.leash_m, config.leash_rad)
        self._gripper = GripperSwitch(gripper, config.closed_width_m, config.open_width_m)
        self._dead_man = DeadMan(_RATES * config.rate_hz)
        self._policy = DeadMan(_RATES * config.rate_hz)
        self._last_ns: int | None = None

    def step(self, reading: Reading, arm: Arm, now_ns: int) -> Wish:
        """What to publish for this reading; call it once a period."""
        for dead_man, held in ((self._dead_man, reading.held), (self._policy, reading.policy)):
            if held:
                dead_man.press(now_ns)
            else:
                dead_man.release()
        enable, policy = self._dead_man.poll(now_ns), self._policy.poll(now_ns)
        if not reading.held:
            self._disengage()
            self._gripper.observe(arm.width_m, arm.commanded_m, arm.commanded_s)
            return Wish(enable, policy, state="policy" if reading.policy else "released")
        if arm.T_base_ee is None or not is_pose(arm.T_base_ee):
            self._disengage()
            return Wish(enable, policy, state="no robot")
        target = self._target(reading, arm.T_base_ee, self._period_s(now_ns))
        return Wish(enable, policy, target, self._gripper.update(reading), "moving")

    def counters(self) -> dict[str, int]:
        """How often a pose leapt, and the clutch took hold anew."""
        return {} if self._clutch is None else {"leap": self._clutch.jumps}

    def _target(self, reading: Reading, T_base_ee: Float64, period_s: float) -> Float64:
        reach = period_s * np.repeat([self._config.speed, self._config.angular_speed], 3)
        targets = self._targets
        if reading.rate is not None:
            return targets.move(self._frame.along_base(reach * reading.rate, T_base_ee), T_base_ee)
        start = targets.start(T_base_ee)
        wanted = start
        if self._clutch is not None and reading.pose is not None:
            wanted = self._clutch.follow(reading.pose, T_base_ee)
        elif self._clutch is not None and reading.step is not None:
            wanted = apply_delta(start, self._clutch.map(reading.step, T_base_ee))
        return targets.approach(wanted, T_base_ee, float(reach[0]), float(reach[3]))

    def _period_s(self, now_ns: int) -> float:
        """Since the last engaged step, but no more than two periods after a pause."""
        usual_s = 1.0 / self._config.rate_hz
        before, self._last_ns = self._last_ns, now_ns
        if before is None:
            return usual_s
        return min(max((now_ns - before) * 1e-9, 0.0), 2.0 * usual_s)

    def _disengage(self) -> None:
        self._last_ns = None
        self._targets.disengage()
        if self._clutch is not None:
            self._clutch.release()
