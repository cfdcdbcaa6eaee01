"""Where a skill's frame stands, among a policy node's diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.geometry import matrix_from_rotvec, pose


def manipulation_values(info: Mapping[str, NDArray[np.float64]]) -> dict[str, Any]:
    """What a chunk's info says of a skill: its frame in base, its time, whether it is over.

    Nothing for other policies. skill_s is below 0 on the way to the start.
    """
    if "frame" not in info:
        return {}
    x, y, z, yaw_deg = frame_numbers(info["frame"])
    return {
        "frame": f"{x:.6f} {y:.6f} {z:.6f} {yaw_deg:.4f}",
        "skill_s": float(info["skill_s"][0]),
        "skill_done": bool(info["done"][0]),
    }


def frame_of(values: Mapping[str, str]) -> Float64 | None:
    """The inverse: T_base_manipulation (4, 4) of diagnostics, None where there is none."""
    numbers = values.get("frame", "").split()
    if len(numbers) != 4:
        return None
    x, y, z, yaw_deg = map(float, numbers)
    return pose(matrix_from_rotvec([0.0, 0.0, np.radians(yaw_deg)]), (x, y, z))


def frame_numbers(frame: Float64) -> tuple[float, float, float, float]:
    """x, y, z in m and the yaw in degrees of a frame (4, 4) that stands upright."""
    x, y, z = map(float, frame[:3, 3])
    return x, y, z, float(np.degrees(np.arctan2(frame[1, 0], frame[0, 0])))
