"""An episode in memory, with colour and depth of one camera."""

import numpy as np
import pytest

from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.geometry import pose
from visuomotor.observations import CameraSpec, ObservationSpec

DOWN = np.diag([1.0, -1.0, -1.0])


@pytest.fixture
def tiny_exported() -> tuple[EpisodeArrays, ObservationSpec]:
    n, rng = 5, np.random.default_rng(0)
    hands = np.stack([pose(DOWN, [0.4, 0, 0.1 + 0.01 * t]) for t in range(n + 1)])
    episode = EpisodeArrays(
        name="tiny",
        stamps_ns=np.arange(n) * 50_000_000,
        color={"front": rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)},
        depth_mm={"front": np.full((n, 8, 8), 1000, np.uint16)},
        K={"front": np.eye(3)},
        T_base_camera={"front": np.eye(4)},
        T_base_ee=hands[:-1],
        gripper_width_m=np.linspace(0, 0.08, n),
        q=np.zeros((n, 7)),
        action_pose=hands[1:],
        action_width_m=np.full(n, 0.08),
        action_valid=np.ones(n, bool),
        valid=np.ones(n, bool),
    )
    return episode, ObservationSpec((CameraSpec("front", 8, 8),))
