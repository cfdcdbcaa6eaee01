"""Observations of random images, and the normaliser of policies that look at several cameras."""

import numpy as np
import torch

from visuomotor.contracts import STEP_NS, CameraView, Observation
from visuomotor.geometry import pose
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.heads import Scales

SPEC = ObservationSpec(
    (CameraSpec("front", 16, 24, depth=False), CameraSpec("wrist", 16, 16, depth=False))
)
DOWN = np.diag([1.0, -1.0, -1.0])
SCALES = Scales(
    torch.zeros(7),
    torch.tensor([0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.04]),
    torch.full((6,), 0.01),
    torch.tensor([0.0, 0.08]),
    torch.tensor([0.01, 0.05]),
)


def observation(step: int = 0, seed: int = 0, x_m: float = 0.5) -> Observation:
    """What the cameras of SPEC see at a control step; the same seed shows the same images."""
    rng = np.random.default_rng(seed)
    views = {
        c.name: CameraView(
            rng.integers(0, 256, (c.height, c.width, 3), dtype=np.uint8), None, np.eye(3), np.eye(4)
        )
        for c in SPEC.cameras
    }
    return Observation(step * STEP_NS, views, pose(DOWN, [x_m, 0.0, 0.2]), 0.05, np.zeros(7))
