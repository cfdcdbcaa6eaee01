"""What a policy is told of the true state: points on objects, in space or in an image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from visuomotor.contracts import Float64
from visuomotor.geometry import inverse
from visuomotor.policies.bc.config import BcPolicyConfig


def true_sight(T_base_object: Float64, config: BcPolicyConfig) -> Tensor:
    """Points (N, K, 3) in base or, for truth_2d, (N, 2 K) u and v in [-1, 1], of true poses.

    T_base_object: (N, 4, 4), or (N, O, 4, 4) of several objects, whose points follow one another. A
    point behind the camera is NaN.
    """
    offsets = np.asarray(config.offsets_m, float)
    T = T_base_object.reshape(len(T_base_object), -1, 4, 4)
    points = offsets @ np.swapaxes(T[..., :3, :3], -1, -2) + T[..., None, :3, 3]  # (N, O, k, 3)
    points = points.reshape(len(T), -1, 3)
    if config.sight == "truth_3d":
        return torch.from_numpy(points.astype(np.float32))
    view = config.view
    assert view is not None  # the configuration's own check
    to_camera = inverse(view.T_base_camera)
    in_camera = points @ to_camera[:3, :3].T + to_camera[:3, 3]
    homogeneous = in_camera @ np.asarray(view.K).T
    depth = np.where(homogeneous[..., 2:] > 1e-6, homogeneous[..., 2:], np.nan)
    places = 2 * (homogeneous[..., :2] / depth + 0.5) / (view.width, view.height) - 1
    return torch.from_numpy(places.reshape(len(points), -1).astype(np.float32))
