"""What every output of the bridge must keep, written down again from docs/safety.md."""

from __future__ import annotations

import numpy as np

from visuomotor.bench.fuzzing.target import Violation
from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Float64
from visuomotor.control import BridgeConfig, BridgeOutput
from visuomotor.geometry import is_pose, rotation_angle

_SLACK = 1e-6


class CommandBounds:
    """Looks at a bridge's outputs one after the other; raises Violation.

    Between steps the reference goes no farther than its speed allows and its speed changes no
    faster than its acceleration allows; only where the arm stands it may be put to where that was
    measured. It stays in the workspace, or between that and where it was put.
    """

    def __init__(self, config: BridgeConfig) -> None:
        self._config = config
        self._lower, self._upper = config.lower, config.upper
        self._measured: list[Float64] = []
        self._pose: Float64 | None = None
        self._sent: Float64 | None = None
        self._twist = np.zeros(6)
        self._time_ns = 0
        self._teleports = 0

    def measured(self, T_base_ee: Float64) -> None:
        """A robot state that the bridge is given."""
        if is_pose(T_base_ee):
            self._measured.append(T_base_ee)

    def check(self, output: BridgeOutput, now_ns: int) -> None:
        """One step's output."""
        self._check_commands(output)
        teleports = output.counters.get("teleports", 0)
        restarted, self._teleports = teleports > self._teleports, teleports
        if output.pose is None or output.sent is None:
            self._pose = self._sent = None
            return
        if not (is_pose(output.pose) and is_pose(output.sent)):
            raise Violation("a reference that is no pose")
        elapsed_s = (now_ns - self._time_ns) * 1e-9
        if elapsed_s < 0.0:  # of a clock that jumped back nobody knows how long ago it was
            elapsed_s = self._config.max_step_s
        self._check_twist(output.twist)
        if not self._was_anchored(output.pose, elapsed_s):
            self._check_motion(output.twist, elapsed_s, restarted)
            if self._sent is not None and not (
                restarted or self._within(self._sent, output.sent, elapsed_s)
            ):
                raise Violation("what is sent moves faster than its speed allows")
        self._check_place(output.pose, output.sent)
        self._pose, self._sent = output.pose, output.sent
        self._twist, self._time_ns = output.twist, now_ns

    def _check_commands(self, output: BridgeOutput) -> None:
        width = output.gripper_width_m
        if width is not None and not 0.0 <= width <= MAX_GRIPPER_WIDTH_M:
            raise Violation("a gripper width out of its range")
        if output.accepted is None:
            return
        place = output.accepted.T_base_ee[:3, 3]
        if not is_pose(output.accepted.T_base_ee):
            raise Violation("an accepted target that is no pose")
        if (place < self._config.lower).any() or (place > self._config.upper).any():
            raise Violation("an accepted target out of the workspace")
        if not np.isfinite(output.accepted.gripper_width_m):
            raise Violation("an accepted action whose width is not finite")

    def _check_twist(self, twist: Float64) -> None:
        config = self._config
        if not np.isfinite(twist).all():
            raise Violation("a twist that is not finite")
        if np.linalg.norm(twist[:3]) > config.max_speed + _SLACK:
            raise Violation("faster than max_speed")
        if np.linalg.norm(twist[3:]) > config.max_angular_speed + _SLACK:
            raise Violation("faster than max_angular_speed")

    def _was_anchored(self, pose: Float64, elapsed_s: float) -> bool:
        """Whether it was put to a measured pose since the last step, and may have been."""
        near = self._pose is not None and self._within(self._pose, pose, elapsed_s)
        if near and self._inside(pose):
            return False
        for measured in reversed(self._measured[-40:]):
            place = measured[:3, 3]
            lower = np.minimum(self._config.lower, place)
            upper = np.maximum(self._config.upper, place)
            if self._within(measured, pose, elapsed_s) and _between(pose, lower, upper):
                self._lower, self._upper = lower, upper
                moving = self._pose is not None and np.abs(self._twist).max() > _SLACK
                if moving and not (near or self._config.anchor_on_teleport):
                    raise Violation("put elsewhere while it moved")
                return True
        if near:
            raise Violation("a reference out of the workspace")
        raise Violation("farther in one step than its speed allows")

    def _inside(self, pose: Float64) -> bool:
        return _between(pose, self._lower, self._upper)

    def _within(self, before: Float64, after: Float64, elapsed_s: float) -> bool:
        config = self._config
        step_s = min(elapsed_s, config.max_step_s)
        moved = float(np.linalg.norm(after[:3, 3] - before[:3, 3]))
        turned = float(rotation_angle(before[:3, :3].T @ after[:3, :3]))
        rounding = 1e-12 * float(np.abs(before[:3, 3]).max())
        return (
            moved <= config.max_speed * step_s + _SLACK + rounding
            and turned <= config.max_angular_speed * step_s + 2e-3  # a measured one is not exact
        )

    def _check_motion(self, twist: Float64, elapsed_s: float, restarted: bool) -> None:
        config = self._config
        changes = [twist - self._twist]
        if config.anchor_on_teleport and restarted:  # an arm put elsewhere begins at rest
            changes.append(twist)
        most = config.max_acceleration * elapsed_s + _SLACK
        most_angular = config.max_angular_acceleration * elapsed_s + _SLACK
        linear = [bool(np.linalg.norm(change[:3]) <= most) for change in changes]
        angular = [bool(np.linalg.norm(change[3:]) <= most_angular) for change in changes]
        if not any(linear):
            raise Violation("more than max_acceleration")
        if not any(map(all, zip(linear, angular, strict=True))):
            raise Violation("more than max_angular_acceleration")

    def _check_place(self, pose: Float64, sent: Float64) -> None:
        if not (self._inside(pose) and self._inside(sent)):
            raise Violation("a command out of the workspace")
        ahead = float(np.linalg.norm(sent[:3, 3] - pose[:3, 3]))
        if ahead > self._config.lead_s * self._config.max_speed + _SLACK:
            raise Violation("sent farther ahead than the lead")


def _between(pose: Float64, lower: Float64, upper: Float64) -> bool:
    place = pose[:3, 3]
    return bool((place >= lower - _SLACK).all() and (place <= upper + _SLACK).all())
