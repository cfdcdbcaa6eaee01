"""SE(3), rotations and pinhole cameras; NumPy only.

Poses are homogeneous (..., 4, 4) float64 matrices, `T_a_b` the pose of b in a:
`p_a = T_a_b @ p_b`, and `T_a_c = T_a_b @ T_b_c`.
"""

from visuomotor.geometry.mean import mean_pose
from visuomotor.geometry.pinhole import PinholeCamera
from visuomotor.geometry.se3 import (
    apply_delta,
    interpolate_pose,
    inverse,
    is_pose,
    matrix_from_quat_xyzw,
    matrix_from_rotvec,
    pose,
    pose_delta,
    pose_from_quat_xyzw,
    quat_xyzw_from_matrix,
    rotation_angle,
    rotvec_from_matrix,
    transform_points,
)

__all__ = [
    "PinholeCamera",
    "apply_delta",
    "interpolate_pose",
    "inverse",
    "is_pose",
    "matrix_from_quat_xyzw",
    "matrix_from_rotvec",
    "mean_pose",
    "pose",
    "pose_delta",
    "pose_from_quat_xyzw",
    "quat_xyzw_from_matrix",
    "rotation_angle",
    "rotvec_from_matrix",
    "transform_points",
]
