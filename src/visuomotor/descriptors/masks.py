"""Which pixels belong to what, by their place in space: no labels, no robot model."""

from __future__ import annotations

import torch
from torch import Tensor

from visuomotor.descriptors.config import Workspace


def points_in_base(depth_m: Tensor, K: Tensor, T_base_camera: Tensor) -> tuple[Tensor, Tensor]:
    """Points (B, H, W, 3) in base and their validity (B, H, W) of depth images (B, H, W) in m.

    K (B, 3, 3), T_base_camera (B, 4, 4). Zero or non-finite depth is invalid.
    """
    h, w = depth_m.shape[-2:]
    valid = torch.isfinite(depth_m) & (depth_m > 0)
    z = torch.where(valid, depth_m, torch.zeros_like(depth_m))
    u = torch.arange(w, dtype=z.dtype, device=z.device)
    v = torch.arange(h, dtype=z.dtype, device=z.device)[:, None]
    fx, fy, cx, cy = (
        K[:, i, j, None, None].to(z.dtype) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2))
    )
    points = torch.stack([(u - cx) / fx * z, (v - cy) / fy * z, z], dim=-1)  # camera frame
    T = T_base_camera.to(z.dtype)
    return (
        torch.einsum("bij,bhwj->bhwi", T[:, :3, :3], points) + T[:, None, None, :3, 3],
        valid,
    )


def deproject(
    pixels: Tensor, depth_m: Tensor, K: Tensor, T_base_camera: Tensor
) -> tuple[Tensor, Tensor]:
    """Points (M, 3) in base and their validity (M,) of pixels (M, 2) as (u, v) of one view.

    depth_m (M,), K (3, 3), T_base_camera (4, 4). Zero or non-finite depth is invalid.
    """
    valid = torch.isfinite(depth_m) & (depth_m > 0)
    z = torch.where(valid, depth_m, torch.zeros_like(depth_m))
    focal, centre = K.diagonal()[:2].to(z.dtype), K[:2, 2].to(z.dtype)
    in_camera = torch.cat([(pixels - centre) / focal * z[:, None], z[:, None]], dim=-1)
    T = T_base_camera.to(z.dtype)
    return in_camera @ T[:3, :3].T + T[:3, 3], valid


def in_workspace(points: Tensor, workspace: Workspace) -> Tensor:
    """Whether points (..., 3) lie in the workspace box."""
    low, high = points.new_tensor(workspace.low), points.new_tensor(workspace.high)
    return ((points >= low) & (points <= high)).all(dim=-1)


def above_table(points: Tensor, valid: Tensor, workspace: Workspace) -> Tensor:
    """Foreground (...): valid points in the workspace that stand above the table."""
    high_enough = points[..., 2] > workspace.table_m + workspace.clearance_m
    return valid & high_enough & in_workspace(points, workspace)


def differs_from_empty(depth_m: Tensor, empty_depth_m: Tensor, threshold_m: float = 0.01) -> Tensor:
    """Foreground (..., H, W) against the depth of the empty scene from the same camera.

    Pixels without depth in either image are background.
    """
    known = (depth_m > 0) & (empty_depth_m > 0)
    return known & ((empty_depth_m - depth_m) > threshold_m)


def of_robot(points: Tensor, T_base_ee: Tensor, width_m: Tensor) -> Tensor:
    """Which points (B, ..., 3) in base are the robot's (B, ...): Franka's fingers, hand and arm.

    T_base_ee (B, 4, 4), the fingertips' frame, its z axis pointing out of the hand; width_m (B,),
    the gripper's. The hand reaches down from above: what is further back along it than 6 cm is
    taken for the arm. What stands beside the fingers, even higher than their tips, is not.
    """
    batch = (-1, *[1] * (points.dim() - 2))
    T = T_base_ee.to(points.dtype)
    local = (points - T[:, :3, 3].reshape(*batch, 3)).flatten(1, -2) @ T[:, :3, :3]
    x, y, z = local.reshape(points.shape).unbind(-1)
    out = y.abs() - width_m.to(points.dtype).reshape(batch) / 2  # from the fingers' inner faces
    fingers = (x.abs() < 0.014) & (out > -0.004) & (out < 0.03) & (z > -0.045) & (z < 0.014)
    hand = (x.abs() < 0.05) & (y.abs() < 0.12) & (z < -0.03)
    return fingers | hand | (z < -0.06)
