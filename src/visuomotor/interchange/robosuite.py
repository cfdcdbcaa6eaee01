"""What robosuite means by its states and actions, in our terms: base frame, poses, full widths.

Its hand's pose is in its world frame. Its operational-space controller (OSC_POSE) takes 7 numbers:
a step of place and one of rotation (axis times angle) along the world's axes, each in [-1, 1] of
what `output_max` says, and the gripper, -1 to open and 1 to close.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M, Float64
from visuomotor.errors import DataError
from visuomotor.geometry import (
    PinholeCamera,
    inverse,
    matrix_from_quat_xyzw,
    matrix_from_rotvec,
    pose,
    pose_from_quat_xyzw,
)
from visuomotor.interchange.episodes import ImportedCamera

_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
"""From MuJoCo's camera frame (y up, looking along -z) to ours (y down, looking along z)."""
_STEP_M_RAD = (0.05, 0.05, 0.05, 0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Controller:
    """The controller that took the actions.

    delta: actions are steps from the hand's pose, else absolute targets. step: (6,) of an action
    of 1, in m and rad.
    """

    delta: bool = True
    step: tuple[float, ...] = _STEP_M_RAD

    def __post_init__(self) -> None:
        if len(self.step) != 6 or not all(np.isfinite(self.step)):
            raise DataError(f"controller: got the steps {self.step}, expected 6 finite numbers")


def controller_of(env_args: Mapping[str, Any]) -> Controller:
    """From robomimic's `env_args`; DataError for a controller that is not OSC_POSE."""
    keywords = env_args.get("env_kwargs", {})
    found = keywords.get("controller_configs", {})
    arms = found.get("body_parts", {})  # robosuite 1.5 has one controller for each part
    found = arms.get("right", found)
    if found.get("type", "OSC_POSE") != "OSC_POSE":
        raise DataError(
            f"controller: got {found.get('type')!r}, expected OSC_POSE, whose actions are poses"
        )
    step = found.get("output_max", _STEP_M_RAD)
    absolute = found.get("input_type") == "absolute" or not found.get("control_delta", True)
    steps = [step] * 6 if isinstance(step, int | float) else step
    return Controller(not absolute, tuple(float(s) for s in steps))


def targets(T_world_ee: Float64, actions: Float64, controller: Controller) -> Float64:
    """The poses (T, 4, 4) in world that actions (T, 7) ask for, from hands (T, 4, 4)."""
    moves = np.asarray(actions, np.float64)[:, :6]
    T = np.array(T_world_ee, np.float64)
    if controller.delta:
        moves = np.clip(moves, -1, 1) * controller.step
        T[:, :3, 3] += moves[:, :3]
        T[:, :3, :3] = matrix_from_rotvec(moves[:, 3:]) @ T[:, :3, :3]
    else:
        T[:, :3, 3] = moves[:, :3]
        T[:, :3, :3] = matrix_from_rotvec(moves[:, 3:])
    return T


def widths_m(qpos: ArrayLike) -> Float64:
    """Full widths (T,) of the fingers' positions (T, 2), which are mirrored."""
    fingers = np.asarray(qpos, np.float64)
    return np.clip(fingers[:, 0] - fingers[:, 1], 0.0, MAX_GRIPPER_WIDTH_M)


def commanded_widths_m(gripper: ArrayLike) -> Float64:
    """Full widths (T,) that gripper actions (T,) ask for: open below 0, closed from there."""
    return np.where(np.asarray(gripper) < 0, MAX_GRIPPER_WIDTH_M, 0.0)


def base_of(model: str) -> Float64:
    """T_world_base (4, 4) of the arm in a MuJoCo model; DataError if it has none."""
    attributes = _attributes(model, "body", "robot0_base")
    if attributes is None:
        raise DataError("the model in the dataset has no body robot0_base, expected one arm")
    return _pose(attributes)


def camera_of(model: str, name: str, width: int, height: int) -> ImportedCamera:
    """A standing camera's intrinsics and place in base; nominal if it moves or is not there."""
    attributes = _attributes(model, "camera", name)
    if attributes is None or not _stands(model, name):
        return ImportedCamera.nominal(width, height)
    fovy = np.deg2rad(float(attributes.get("fovy", "45")))
    T = inverse(base_of(model)) @ _pose(attributes) @ _FLIP
    found = ImportedCamera.nominal(width, height)
    return replace(found, camera=PinholeCamera.from_fovy(width, height, fovy), T_base_camera=T)


def _attributes(model: str, tag: str, name: str) -> dict[str, str] | None:
    """Of the element of this name. The text is searched, not parsed: it comes from a stranger."""
    for found in re.finditer(rf"<{tag}\s([^<>]*)>", model):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', found.group(1)))
        if attributes.get("name") == name:
            return attributes
    return None


def _stands(model: str, name: str) -> bool:
    """Whether a camera is a child of the world itself: no body is open before it."""
    at = re.search(rf'<camera\s[^<>]*name="{re.escape(name)}"', model)
    before = model[: at.start()] if at else model
    opened = len(re.findall(r"<body\s[^<>]*[^/<>]>", before))
    return at is not None and opened == before.count("</body>")


def _pose(attributes: Mapping[str, str]) -> Float64:
    try:
        place = _numbers(attributes.get("pos", "0 0 0"), 3)
        quat_wxyz = _numbers(attributes.get("quat", "1 0 0 0"), 4)
        return pose(matrix_from_quat_xyzw(np.roll(quat_wxyz, -1)), place)
    except ValueError as error:
        raise DataError(
            f"the model in the dataset: {error}, expected numbers in pos and quat"
        ) from error


def _numbers(text: str, count: int) -> Float64:
    values = np.array([float(word) for word in text.split()])
    if values.shape != (count,):
        raise ValueError(f"got {text!r}, not {count} numbers")
    return values


def world_poses(position: ArrayLike, quat_xyzw: ArrayLike) -> Float64:
    """T_world_ee (T, 4, 4) of places (T, 3) and quaternions (T, 4)."""
    return pose_from_quat_xyzw(np.asarray(position, float), np.asarray(quat_xyzw, float))
