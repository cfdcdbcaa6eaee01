"""What the bridge says at every step, and of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from visuomotor.contracts import Action, Float64, RobotState
from visuomotor.control.joints import joint_margin
from visuomotor.control.states import State
from visuomotor.control.tracking import length, turn


@dataclass(frozen=True)
class BridgeOutput:
    """What one step yields.

    pose (4, 4) in base, None until a robot state came; twist and acceleration (6,) along base axes.
    sent (4, 4): the pose for an arm that lags behind, ahead of `pose` by the configured lead.
    gripper_width_m: only when a new command is due. accepted: the target accepted since the last
    step, with the width commanded last. reason: why it holds, or the fault.
    """

    pose: Float64 | None
    sent: Float64 | None
    twist: Float64
    acceleration: Float64
    gripper_width_m: float | None
    accepted: Action | None
    state: State
    reason: str
    counters: Mapping[str, int] = field(default_factory=dict)


def following_text(reference: Float64 | None, measured: RobotState | None) -> dict[str, str]:
    """How far the arm is from its reference (4, 4) and from its nearest joint limit, as text."""
    values = dict[str, str]()
    if reference is not None and measured is not None:
        T = measured.T_base_ee
        values["tracking_error_m"] = f"{length(reference[:3, 3] - T[:3, 3]):.4f}"
        values["tracking_error_rad"] = f"{turn(reference[:3, :3], T[:3, :3]):.4f}"
    if measured is not None and np.isfinite(measured.q).all():
        margin, joint = joint_margin(measured.q)
        values["joint_margin_rad"] = f"{margin:.3f}"
        values["joint"] = str(joint)
    return values
