"""A device's pose moves the arm only from where both were when the operator took hold."""

from __future__ import annotations

import math

import numpy as np

from visuomotor.contracts import Float64
from visuomotor.geometry import apply_delta, pose_delta
from visuomotor.teleop.axes import AxisMap
from visuomotor.teleop.frame import Frame


class Clutch:
    """Carries a device's motion since it was engaged over to the arm.

    axes: from the device's x y z rx ry rz to the robot's. scale, rotation_scale: of the motion.
    A device that leaps between two readings, as a phone does when it finds its place again, is
    engaged anew where both are then, and counted in `jumps`.
    """

    def __init__(
        self,
        axes: AxisMap,
        frame: Frame,
        scale: float = 1.0,
        rotation_scale: float = 1.0,
        max_jump_m: float = 0.15,
        max_jump_rad: float = 0.7,
    ) -> None:
        self._axes, self._frame = axes, frame
        self._scale = np.repeat([scale, rotation_scale], 3)
        self._max_jump = (max_jump_m, max_jump_rad)
        self.jumps = 0
        self.release()

    def release(self) -> None:
        """Forgets where it was engaged."""
        self._anchor: tuple[Float64, Float64] | None = None
        self._last: Float64 | None = None
        self._turned = np.zeros(3)

    def map(self, delta: Float64, T_base_ee: Float64) -> Float64:
        """A device's delta (6,) along base axes, scaled."""
        return self._frame.along_base(self._scale * self._axes(delta), T_base_ee)

    def follow(self, T_world_device: Float64, T_base_ee: Float64) -> Float64:
        """Where the arm (4, 4) should be; exactly where it is at the first call after `release`."""
        if self._leaps(T_world_device):
            self.jumps += 1
            self.release()
        self._last = T_world_device
        if self._anchor is None:
            self._anchor = (T_world_device, T_base_ee)
        device, arm = self._anchor
        delta = pose_delta(device, T_world_device)
        delta[3:] = self._turned = _unwound(delta[3:], self._turned)
        return apply_delta(arm, self.map(delta, arm))

    def _leaps(self, T_world_device: Float64) -> bool:
        if self._last is None:
            return False
        leap = pose_delta(self._last, T_world_device)
        sizes = (np.linalg.norm(leap[:3]), np.linalg.norm(leap[3:]))
        return any(s > bound for s, bound in zip(sizes, self._max_jump, strict=True))


def _unwound(rotvec: Float64, before: Float64) -> Float64:
    """The same rotation by the vector nearest to the one before: half turns do not flip it."""
    angle = float(np.linalg.norm(rotvec))
    if angle < 1e-9:
        return rotvec
    axis = rotvec / angle
    turns = round((float(axis @ before) - angle) / (2 * math.pi))
    return axis * (angle + 2 * math.pi * turns)
