"""A coloured box on a plane, ray-cast: exact depth, and colour that belongs to the point."""

import numpy as np
import torch

from visuomotor.descriptors.matching import Views
from visuomotor.geometry import PinholeCamera, pose

CAMERA = PinholeCamera.from_fovy(96, 72, 0.8)
BOX = np.array([[0.42, -0.08, 0.0], [0.58, 0.08, 0.12]])  # low and high corner, m


def look_at(eye: tuple[float, float, float], target: tuple[float, float, float]) -> np.ndarray:
    """T_base_camera (4, 4) of a camera at `eye` looking at `target`."""
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    return pose(np.stack([right, np.cross(forward, right), forward], axis=1), eye)


FRONT = look_at((1.1, 0.1, 0.5), (0.5, 0.0, 0.03))
SIDE = look_at((0.45, 0.65, 0.45), (0.5, 0.0, 0.03))


def cast(origins: np.ndarray, directions: np.ndarray, box: bool = True) -> np.ndarray:
    """How far (in lengths of the direction) each ray gets: to the plane z = 0 or the box."""
    with np.errstate(divide="ignore", invalid="ignore"):
        plane = -origins[..., 2] / directions[..., 2]
        plane = np.where(plane > 0, plane, np.inf)
        if not box:
            return plane
        a, b = ((corner - origins) / directions for corner in BOX)
        enter, leave = np.minimum(a, b).max(-1), np.maximum(a, b).min(-1)
    return np.where((enter <= leave) & (enter > 0), np.minimum(enter, plane), plane)


def colors_at(points: np.ndarray) -> np.ndarray:
    """(..., 3) uint8: a colour for every place, unlike any other within reach."""
    low, high = np.array([0.2, -0.35, 0.0]), np.array([0.8, 0.35, 0.15])
    return np.round(255 * np.clip((points - low) / (high - low), 0, 1)).astype(np.uint8)


def view_of(T_base_camera: np.ndarray, box: bool = True) -> Views:
    """One view; pixels whose ray meets nothing have depth 0."""
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    rays = CAMERA.deproject(np.stack([u, v], -1), np.ones(u.shape)) @ T_base_camera[:3, :3].T
    depth = cast(np.broadcast_to(T_base_camera[:3, 3], rays.shape), rays, box)
    depth = np.where(depth < 5, depth, 0)
    points = T_base_camera[:3, 3] + rays * depth[..., None]
    return Views(
        torch.from_numpy(colors_at(points))[None],
        torch.from_numpy(depth.astype(np.float32))[None],
        torch.from_numpy(CAMERA.matrix.astype(np.float32))[None],
        torch.from_numpy(T_base_camera.astype(np.float32))[None],
    )


def all_pixels() -> torch.Tensor:
    """(1, H*W, 2) every pixel as (u, v)."""
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    return torch.from_numpy(np.stack([u, v], -1).reshape(1, -1, 2))


def visible_from(T_base_camera: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether the straight line from a camera to points (..., 3) on surfaces is free."""
    origins = np.broadcast_to(T_base_camera[:3, 3], points.shape)
    return cast(origins, points - origins) > 1 - 1e-3
