"""Videos with known truth: a cuboid and a hand's cylinder along a known path, seen as boxes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from visuomotor.contracts import Float64
from visuomotor.video.camera import FOCAL_PER_WIDTH, OrbitCamera
from visuomotor.video.silhouette import (
    CUBOID_EDGES,
    HAND_EDGES,
    cuboid_vertices,
    extents,
    hand_vertices,
    signed_distance,
)
from visuomotor.video.tracks import Phases, Tracks, clip_boxes

SIZE = (427, 240)
FRAMES = 24
TOUCH = (6, 18)


def path_between(start: Float64, end: Float64, lift_m: float = 0.0) -> Float64:
    """(T, 3): still, then a minimum-jerk way with a rise between, then still."""
    u = np.clip((np.arange(FRAMES) - TOUCH[0]) / (TOUCH[1] - 1 - TOUCH[0]), 0, 1)[:, None]
    path = start + (10 * u**3 - 15 * u**4 + 6 * u**5) * (end - start)
    path[:, 2:] += lift_m * np.sin(np.pi * u)
    return path


def boxes_of(points: torch.Tensor, camera: OrbitCamera) -> Float64:
    """(T, 4) px; gaps where the body is out of the picture."""
    boxes = extents(camera.project(points[None])[0])[0].double().numpy()
    outside = (boxes[:, :2] >= SIZE).any(axis=1) | (boxes[:, 2:] <= 0).any(axis=1)
    boxes[outside] = np.nan
    return boxes


def mask_of(points: torch.Tensor, camera: OrbitCamera, hand: bool) -> NDArray[np.bool_]:
    """(T, 15, 27): the silhouette at a sixteenth of the resolution."""
    y, x = np.meshgrid((np.arange(15) + 0.5) * 16, (np.arange(27) + 0.5) * 427 / 27, indexing="ij")
    grid = torch.tensor(np.stack((x, y), -1).reshape(-1, 2), dtype=torch.float32)
    pixels = camera.project(points[None])[0][0]
    inside = signed_distance(pixels, HAND_EDGES if hand else CUBOID_EDGES, grid) < 0
    return inside.reshape(FRAMES, 15, 27).numpy()


def made_video(
    moved: Float64,
    moved_size: tuple[float, float, float],
    static: tuple[float, float, float] | None = None,
    static_size: tuple[float, float, float] = (0.1, 0.1, 0.05),
    heading: float = 1.2,
    elevation: float = 0.7,
    distance: float = 0.6,
    masked: bool = False,
) -> Tracks:
    """Boxes of an object along moved (T, 3), of the hand that holds it and of a static object."""
    camera = OrbitCamera(
        torch.tensor([distance]),
        torch.zeros(1),
        torch.tensor([elevation]),
        FOCAL_PER_WIDTH * SIZE[0],
        SIZE,
    )
    away = np.clip((TOUCH[0] - np.arange(FRAMES)) / TOUCH[0], 0, 1)
    away += np.clip((np.arange(FRAMES) - TOUCH[1] + 1) / TOUCH[0], 0, 1)
    back = np.array([-np.cos(heading), -np.sin(heading), 0.5])
    hand = torch.tensor(moved + 0.12 * away[:, None] * back, dtype=torch.float32)
    angles = torch.full((FRAMES,), heading), torch.full((FRAMES,), 0.4)

    def cuboid(position: Float64, size: tuple[float, float, float]) -> torch.Tensor:
        where = torch.tensor(position, dtype=torch.float32)
        sides = torch.tensor(size).expand(FRAMES, 3)
        return cuboid_vertices(where, torch.eye(3).expand(FRAMES, 3, 3), sides)

    points = {
        "hand": hand_vertices(hand, *angles, 0.04, torch.full((FRAMES,), 0.15)),
        "moved": cuboid(moved, moved_size),
    }
    if static is not None:
        points["static"] = cuboid(np.tile(static, (FRAMES, 1)), static_size)
    clipped = {b: clip_boxes("made", b, boxes_of(v, camera), SIZE) for b, v in points.items()}
    masks = {b: mask_of(v, camera, b == "hand") for b, v in points.items()} if masked else None
    phases = Phases((0, TOUCH[0]), TOUCH, (TOUCH[1], FRAMES))
    return Tracks("made", 12.0, SIZE, clipped, masks, phases)
