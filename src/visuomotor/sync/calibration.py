"""Where the cameras stand, their intrinsics and how late their stamps are, from a YAML file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visuomotor.config import read_yaml
from visuomotor.contracts import Float64
from visuomotor.errors import CalibrationError, ConfigError, shown, unknown_name
from visuomotor.geometry import PinholeCamera, is_pose
from visuomotor.sync.latency import LATENCY, Latency, load_latency, read_latency

__all__ = ["CameraCalibration", "Latency", "load_calibration", "load_latency"]

Parent = Literal["base", "ee"]
POSES: dict[str, Parent] = {"T_base_camera": "base", "T_ee_camera": "ee"}
INTRINSICS = ("width", "height", "fx", "fy", "cx", "cy")
RECORD = ("date", "views", "reprojection_px", "error_mm", "depth_error_mm", "std_mm", "std_deg")
"""What `visuomotor calibrate extrinsics` notes beside a pose, for people and `doctor`."""
KEYS = (*POSES, *INTRINSICS, *RECORD)


@dataclass(frozen=True)
class CameraCalibration:
    """T_parent_camera (4, 4); parent "ee": the camera is on the hand.

    camera: intrinsics where the file has them, else camera_info's hold. latency_s: how much later
    than the robot's states the camera's images are stamped; the synchroniser takes it off.
    """

    T_parent_camera: Float64
    parent: Parent = "base"
    camera: PinholeCamera | None = None
    latency_s: float = 0.0


def load_calibration(path: Path | str, cameras: Collection[str]) -> dict[str, CameraCalibration]:
    """Reads `{camera: {T_base_camera: 4x4, [width, height, fx, fy, cx, cy]}}`.

    A camera on the hand has T_ee_camera (in fr3_hand_tcp) instead of T_base_camera.
    The intrinsics stand all together or not at all. Cameras of the file that are not asked for
    are ignored. `latency: {cameras: {camera: seconds}}` may stand beside them. Raises
    CalibrationError, which names file and camera, for what is missing or impossible.
    """
    try:
        values = read_yaml(path)
    except ConfigError as error:
        raise CalibrationError(str(error)) from error
    latency = read_latency(values.pop(LATENCY, None), f"{path}: {LATENCY}").cameras
    lacking = [name for name in cameras if name not in values]
    if lacking:
        raise CalibrationError(
            f"{path}: no calibration of camera {', '.join(lacking)}; the file has "
            f"{', '.join(sorted(values)) or 'none'}. Calibrate it or take it out of `cameras`"
        )
    return {
        name: replace(
            _read(values[name], f"{path}: camera {name}"), latency_s=latency.get(name, 0.0)
        )
        for name in cameras
    }


def _read(values: Any, where: str) -> CameraCalibration:
    if not isinstance(values, Mapping):
        raise CalibrationError(f"{where}: got {shown(values)}, expected T_base_camera: 4x4 matrix")
    for key in values:
        if key not in KEYS:
            name = key if isinstance(key, str) else shown(key)
            raise CalibrationError(f"{where}: {unknown_name('key', name, KEYS)}")
    poses = [key for key in POSES if key in values]
    if len(poses) != 1:
        raise CalibrationError(
            f"{where}: got {' and '.join(poses) or 'no pose'}, expected either of "
            f"{' and '.join(POSES)}"
        )
    try:
        T = np.array(values[poses[0]], float)
        if not is_pose(T):
            raise ValueError
    except (TypeError, ValueError, OverflowError):  # the last of integers that no float holds
        raise CalibrationError(
            f"{where}: got {poses[0]} {shown(values[poses[0]])}, expected the 4 rows of a rigid "
            "transform"
        ) from None
    parent = POSES[poses[0]]
    given = [key for key in INTRINSICS if key in values]
    if not given:
        return CameraCalibration(T, parent)
    missing = [key for key in INTRINSICS if key not in values]
    if missing:
        raise CalibrationError(f"{where}: got {', '.join(given)} but not {', '.join(missing)}")
    try:
        numbers = [float(values[key]) for key in INTRINSICS]
        size = round(numbers[0]), round(numbers[1])
        return CameraCalibration(T, parent, PinholeCamera(*size, *numbers[2:]))
    except (TypeError, ValueError, OverflowError) as error:
        raise CalibrationError(
            f"{where}: {error}; expected {', '.join(INTRINSICS)} as positive numbers, in pixels"
        ) from error
