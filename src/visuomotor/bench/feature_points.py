"""Where policies have their feature points, in surroundings that they never saw.

After Singh et al. 2017 (GPLAC), figure 5: of a policy that generalises they lie on the object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from visuomotor.contracts import CameraView, Float64, SyncedFrame, UInt8
from visuomotor.errors import ConfigError
from visuomotor.observations import observe
from visuomotor.policies import load_policy
from visuomotor.sim import SimConfig, SimWorld

NEAR_M = 0.06
"""A point is on the object if it is no farther from its middle, at the object's own depth."""
_ZOOM = 3
_RED, _WHITE = (230, 40, 40), (255, 255, 255)


@dataclass(frozen=True)
class Points:
    """One image of one policy: the view, pixels (K, 2) as (u, v), and which are on the object."""

    view: CameraView
    pixels: Float64
    near: np.ndarray


def find_points(
    checkpoints: Sequence[Path], sim: SimConfig, seeds: Sequence[int]
) -> list[list[Points]]:
    """For each checkpoint its points in the first image of every seed's start.

    The object is the task's first one. ConfigError for a policy without points in its image.
    """
    world = SimWorld(sim)
    try:
        frames = []
        for seed in seeds:
            world.reset(seed)
            frames.append(world.frame())
        name = world.task.objects[0]
    finally:
        world.close()
    return [[_points(path, frame, name) for frame in frames] for path in checkpoints]


def _points(checkpoint: Path, frame: SyncedFrame, name: str) -> Points:
    policy = load_policy(checkpoint)
    policy.reset()
    observation = observe(frame, policy.spec)
    info = policy.act(observation).info
    if "pixels" not in info:
        raise ConfigError(f"{checkpoint}: has no points in an image; expected a gplac policy")
    view = observation.views[policy.spec.names[0]]
    return Points(view, info["pixels"], _near(view, info["pixels"], frame.objects[name][:3, 3]))


def _near(view: CameraView, pixels: Float64, middle_m: Float64) -> np.ndarray:
    R, t = view.T_base_camera[:3, :3], view.T_base_camera[:3, 3]
    in_camera = (middle_m - t) @ R
    u, v, _ = view.K @ in_camera / in_camera[2]
    per_m = view.K[[0, 1], [0, 1]] / in_camera[2]
    off: np.ndarray = np.linalg.norm((pixels - (u, v)) / per_m, axis=1) <= NEAR_M
    return off


def summary(found: Sequence[Points]) -> dict[str, Any]:
    """The share of points on the object, and of images with any point on it."""
    shares = [float(p.near.mean()) for p in found]
    return {
        "images": len(shares),
        "near_m": NEAR_M,
        "share_on_object": round(float(np.mean(shares)), 4),
        "images_with_a_point_on_it": round(float(np.mean([s > 0 for s in shares])), 4),
    }


def picture(found: Sequence[Sequence[Points]], columns: int = 6) -> UInt8:
    """A row of images per policy: points on the object in red, the others in white."""
    rows = [np.hstack([_drawn(p) for p in row[:columns]]) for row in found]
    return np.vstack(rows)


def _drawn(points: Points) -> UInt8:
    color = points.view.color
    h, w = color.shape[:2]
    image = cv2.resize(color, (w * _ZOOM, h * _ZOOM), interpolation=cv2.INTER_CUBIC)
    for (u, v), near in zip(points.pixels, points.near, strict=True):
        at = (round(_ZOOM * (u + 0.5)), round(_ZOOM * (v + 0.5)))
        cv2.circle(image, at, 6, (0, 0, 0), -1, cv2.LINE_AA)
        cv2.circle(image, at, 4, _RED if near else _WHITE, -1, cv2.LINE_AA)
    return np.asarray(image, np.uint8)
