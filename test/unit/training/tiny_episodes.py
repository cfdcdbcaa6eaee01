"""Datasets in memory, as small as a test needs them."""

import numpy as np
from numpy.typing import NDArray

from visuomotor.dataset.arrays import EpisodeArrays
from visuomotor.geometry import pose

DOWN = np.diag([1.0, -1.0, -1.0])


def tiny_episode(
    name: str, action_valid: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> EpisodeArrays:
    """One camera of 8x8 random pixels; the hand rises a centimetre a step, and is asked to."""
    n = len(action_valid)
    rng = np.random.default_rng(len(name) + n)
    hands = np.stack([pose(DOWN, [0.4, 0, 0.1 + 0.01 * t]) for t in range(n + 1)])
    return EpisodeArrays(
        name=name,
        stamps_ns=np.arange(n) * 50_000_000,
        color={"front": rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)},
        depth_mm={"front": np.full((n, 8, 8), 1000, np.uint16)},
        K={"front": np.array([[8.0, 0, 3.5], [0, 8, 3.5], [0, 0, 1]])},
        T_base_camera={"front": pose(DOWN, [0.5, 0, 1.0])},
        T_base_ee=hands[:-1],
        gripper_width_m=np.linspace(0, 0.08, n),
        q=np.zeros((n, 7)),
        action_pose=hands[1:],
        action_width_m=np.full(n, 0.08),
        action_valid=action_valid,
        valid=np.ones(n, bool) if valid is None else valid,
    )
