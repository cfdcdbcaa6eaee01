"""What the rooms hand to one another: shapes, dtypes, units and frames.

Dimension letters used in every docstring: B batch, T time steps, N cameras, H rows, W columns,
K keypoints, D descriptor dimensions, J = 7 joints. Metres, radians, seconds; stamps in integer
nanoseconds. Poses are (4, 4) float64 homogeneous matrices `T_base_x` in the robot's base frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from visuomotor.geometry.pinhole import PinholeCamera

BASE_FRAMES = ("fr3_link0", "base", "panda_link0")
"""Names of the base frame that commands and poses may carry as `frame_id`."""

STEP_NS = 50_000_000
"""One control step: sets, policy steps and dataset steps come at 20 Hz."""

MAX_GRIPPER_WIDTH_M = 0.08
"""The Franka hand's full opening."""

ACTION_SCALE = (1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 1.0)
"""One unit of a network's 7-D action: dx dy dz in m, rotation vector in rad, width in m.

The delta is `geometry.pose_delta(T_base_ee, target)`: along base axes, relative to the current
end-effector pose. The width is absolute. (Florence et al. 2019: 1 m, 0.1 rad and 1 m weigh alike.)
"""

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]
UInt16 = NDArray[np.uint16]


@dataclass(frozen=True)
class StampedImage:
    """One image as a driver gave it.

    data: (H, W, 3) uint8 RGB, or (H, W) uint16 depth in mm (0: no measurement).
    stamp_ns: the driver's header stamp. receipt_ns: when it reached this process.
    """

    stamp_ns: int
    data: NDArray[np.generic]
    frame_id: str = ""
    receipt_ns: int = 0


@dataclass(frozen=True)
class RobotState:
    """The arm at one instant: end-effector pose in base, joints, gripper's full width."""

    stamp_ns: int
    T_base_ee: Float64  # (4, 4)
    q: Float64  # (7,) rad
    dq: Float64  # (7,) rad/s
    gripper_width_m: float


@dataclass(frozen=True)
class CameraFrame:
    """One camera's view within a set.

    color: (H, W, 3) uint8 RGB. depth_mm: (H, W) uint16, 0 where nothing was measured, aligned to
    color; None for a camera without depth. camera: intrinsics at this very resolution.
    """

    color: UInt8
    depth_mm: UInt16 | None
    camera: PinholeCamera
    T_base_camera: Float64  # (4, 4)


@dataclass(frozen=True)
class SyncedFrame:
    """All cameras and the robot at one stamp.

    robot is interpolated to stamp_ns. skew_ns: per stream ("front/color", "front/depth", ...) its
    stamp minus stamp_ns; for interpolated streams the distance to the nearer sample.
    objects: T_base_object (4, 4) of what a simulation knows the truth of; empty elsewhere.
    """

    stamp_ns: int
    cameras: Mapping[str, CameraFrame]
    robot: RobotState
    skew_ns: Mapping[str, int] = field(default_factory=dict)
    objects: Mapping[str, Float64] = field(default_factory=dict)


@dataclass(frozen=True)
class CameraView:
    """One camera of an Observation, at the size of its spec.

    color: (H, W, 3) uint8. depth_m: (H, W) float32 metres, 0 invalid, or None. K: (3, 3) float64
    of this view. T_base_camera: (4, 4) float64.
    """

    color: UInt8
    depth_m: Float32 | None
    K: Float64
    T_base_camera: Float64


@dataclass(frozen=True)
class Observation:
    """What a policy sees at one step; made by `observations.observe` alone.

    objects: T_base_object (4, 4) of the objects that the spec asks the truth of.
    """

    stamp_ns: int
    views: Mapping[str, CameraView]
    T_base_ee: Float64  # (4, 4)
    gripper_width_m: float
    q: Float64  # (7,)
    objects: Mapping[str, Float64] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """A target: end-effector pose in base (4, 4) and the gripper's full width in m."""

    T_base_ee: Float64
    gripper_width_m: float


@dataclass(frozen=True)
class ActionChunk:
    """T consecutive actions, one per control step, the first for the step that was observed.

    Action k is the target that the bridge accepts in (stamp + k steps, stamp + (k + 1) steps], as
    the dataset's action of the k-th set after the one at stamp_ns was.

    poses: (T, 4, 4) in base. widths_m: (T,). info: what may be drawn (keypoints (K, 3) in base,
    confidences (K,), ...), never needed to execute.
    """

    stamp_ns: int
    poses: Float64
    widths_m: Float64
    info: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.widths_m)
        if n < 1 or self.poses.shape != (n, 4, 4):
            raise ValueError(
                f"action chunk: got poses {self.poses.shape} and widths ({n},), "
                "expected (T, 4, 4) and (T,) with T >= 1"
            )

    def __len__(self) -> int:
        return len(self.widths_m)

    def __getitem__(self, index: int) -> Action:
        return Action(self.poses[index], float(self.widths_m[index]))

    @property
    def target_ns(self) -> NDArray[np.int64]:
        """The target time (T,) of each action: the last instant at which it may be accepted."""
        return self.stamp_ns + STEP_NS * np.arange(1, len(self) + 1)

    @property
    def end_ns(self) -> int:
        """The target time of the last action."""
        return self.stamp_ns + STEP_NS * len(self)

    def index_at(self, arrival_ns: int) -> int:
        """The first action whose target time is not past when it arrives then; T if all are."""
        return min(max((arrival_ns - self.stamp_ns - 1) // STEP_NS, 0), len(self))


class Policy(Protocol):
    """What every family implements; rate, chunks and markers are the runtime's."""

    def reset(self) -> None:
        """Forgets the episode."""

    def act(self, observation: Observation) -> ActionChunk:
        """The next actions for one observation."""


MAX_PRIORITY = 98
"""Above it are the kernel's own threads."""


def check_priority(priority: int) -> None:
    """ValueError for a priority that there is not."""
    if not 0 <= priority <= MAX_PRIORITY:
        raise ValueError(f"got realtime_priority {priority}, expected 0 (none) to {MAX_PRIORITY}")
