"""What makes a target acceptable: finite, in the base frame, a rotation, near, in the workspace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import BASE_FRAMES, MAX_GRIPPER_WIDTH_M, Float64
from visuomotor.control import tracking
from visuomotor.control.limits import Limits
from visuomotor.geometry import (
    is_pose,
    matrix_from_quat_xyzw,
    pose,
    quat_xyzw_from_matrix,
)


@dataclass(frozen=True)
class Verdict:
    """What became of one command.

    reason: one word that counters use ("" where accepted as it came; "workspace" or "width" where
    it was clipped). detail: a sentence for a person. T_base_ee (4, 4) or width_m: the command as
    accepted.
    """

    accepted: bool
    reason: str = ""
    detail: str = ""
    T_base_ee: Float64 | None = None
    width_m: float | None = None

    def __bool__(self) -> bool:
        return self.accepted


def judge_pose(
    T_base_ee: ArrayLike, frame_id: str, base: Float64 | None, limits: Limits
) -> Verdict:
    """Accepts, clips or refuses a target pose; `base` (4, 4) is what jumps are measured from.

    Reasons to refuse: frame, non_finite, not_a_pose, jump. A pose outside the workspace is
    clipped to it. The jump is that of the clipped pose: what the arm would have to do.
    """
    if frame_id not in BASE_FRAMES:
        return Verdict(
            False, "frame", f"got frame_id {frame_id!r}, expected one of {', '.join(BASE_FRAMES)}"
        )
    try:
        T = np.array(T_base_ee, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return Verdict(False, "not_a_pose", "got something else than numbers, expected (4, 4)")
    if T.shape != (4, 4):
        return Verdict(False, "not_a_pose", f"got shape {T.shape}, expected (4, 4)")
    if not np.isfinite(T).all():
        return Verdict(False, "non_finite", "got NaN or infinity, expected a finite pose")
    if not is_pose(T):
        return Verdict(False, "not_a_pose", "got a matrix whose rotation is not a rotation")
    wished = T[:3, 3].copy()
    clipped = np.clip(wished, limits.lower, limits.upper)
    T = pose(matrix_from_quat_xyzw(quat_xyzw_from_matrix(T[:3, :3])), clipped)
    if base is not None:
        jump = float(np.linalg.norm(T[:3, 3] - base[:3, 3]))
        turn = tracking.turn(base[:3, :3], T[:3, :3])
        if jump > limits.max_jump_m or turn > limits.max_jump_rad:
            return Verdict(
                False,
                "jump",
                f"got a target {jump * 100:.1f} cm and {np.degrees(turn):.0f}° away, expected at "
                f"most {limits.max_jump_m * 100:.1f} cm and {np.degrees(limits.max_jump_rad):.0f}°",
            )
    if not np.array_equal(wished, clipped):
        return Verdict(
            True,
            "workspace",
            f"position {np.round(wished, 3).tolist()} clipped to {np.round(clipped, 3).tolist()}",
            T_base_ee=T,
        )
    return Verdict(True, T_base_ee=T)


def judge_width(width_m: float) -> Verdict:
    """Accepts or clips a gripper width to [0, 0.08] m; NaN and infinity are refused."""
    try:
        width = float(width_m)
    except (TypeError, ValueError, OverflowError):
        return Verdict(False, "non_finite", f"gripper width: got {width_m!r}, expected metres")
    if not np.isfinite(width):
        return Verdict(False, "non_finite", f"gripper width: got {width}, expected metres")
    clipped = min(max(width, 0.0), MAX_GRIPPER_WIDTH_M)
    if clipped != width:
        return Verdict(
            True, "width", f"width {width:.4f} m clipped to {clipped:.4f}", width_m=clipped
        )
    return Verdict(True, width_m=clipped)


def age_refusal(source: str, age_ns: int, stale_s: float) -> Verdict | None:
    """Why a target of this age is refused (stale, or clock for one of the future); None if not."""
    if abs(age_ns) * 1e-9 <= stale_s:
        return None
    if age_ns > 0:
        return Verdict(False, "stale", f"{source}: the target is {age_ns * 1e-6:.0f} ms old")
    return Verdict(
        False,
        "clock",
        f"{source}: the target is {-age_ns * 1e-6:.0f} ms in the future; synchronise clocks",
    )
