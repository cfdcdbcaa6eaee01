"""What a calibration found, as lines for a terminal."""

from __future__ import annotations

import numpy as np

from visuomotor.calibration.collector import Shot
from visuomotor.calibration.extrinsics import CameraResult, Extrinsics


def shot_line(shot: Shot, views: int) -> str:
    """One line about one image; `views` counts the camera's so far."""
    if isinstance(shot.found, str):
        return f"  {shot.camera}: {shot.found}"
    found = shot.found
    return (
        f"  {shot.camera}: view {views}, {len(found.ids)} corners at "
        f"{found.T_camera_board[2, 3]:.2f} m, {found.error_px:.2f} px"
    )


def extrinsics_lines(result: Extrinsics) -> list[str]:
    """A paragraph per camera, then the warnings."""
    lines = []
    for name, camera in result.cameras.items():
        lines += _camera_lines(name, camera)
    return lines + [f"warning: {text}" for text in result.warnings]


def _camera_lines(name: str, c: CameraResult) -> list[str]:
    x, y, z = np.round(c.T_parent_camera[:3, 3], 4).tolist()
    depth = "" if c.depth_error_mm is None else f", by depth {c.depth_error_mm:.1f} mm"
    first, second, _ = c.excitation.turns_deg
    refused = f" ({c.refused} left out)" if c.refused else ""
    return [
        f"{name}: T_{c.parent}_camera at x {x}, y {y}, z {z} m",
        f"  error {c.reprojection_px:.2f} px, {c.error_mm:.1f} mm{depth}; known to "
        f"{c.std_mm:.2f} mm and {c.std_deg:.3f} degrees (one standard deviation)",
        f"  {c.views} views{refused}, hand turned {first:.0f} and {second:.0f} degrees (rms)",
    ]
