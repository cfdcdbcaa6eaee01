"""A made-up world with a fork: from the middle the hand goes left or right, and stays there."""

import numpy as np

from visuomotor.dataset import Dataset, EpisodeArrays
from visuomotor.geometry import pose
from visuomotor.observations import CameraSpec, ObservationSpec

SIZE = (16, 24)
SPEC = ObservationSpec(
    (CameraSpec("front", *SIZE, depth=False), CameraSpec("wrist", *SIZE, depth=False))
)
STEP_M = 0.02
DOWN = np.diag([1.0, -1.0, -1.0])


def fork(side: int, steps: int = 8, name: str = "fork") -> EpisodeArrays:
    """An episode to the left (-1) or the right (1); `front` shows where the hand is, a square."""
    along = side * STEP_M * np.arange(steps + 1)
    hands = np.stack([pose(DOWN, [0.5, y, 0.1]) for y in along])
    color = np.stack([picture(y) for y in along[:-1]])
    n = len(color)
    return EpisodeArrays(
        name=f"{name}{side}",
        stamps_ns=np.arange(n) * 50_000_000,
        color={"front": color, "wrist": np.full_like(color, 90)},
        depth_mm={},
        K={c: np.eye(3) for c in SPEC.names},
        T_base_camera={c: np.eye(4) for c in SPEC.names},
        T_base_ee=hands[:-1],
        gripper_width_m=np.full(n, 0.04),
        q=np.zeros((n, 7)),
        action_pose=hands[1:],
        action_width_m=np.linspace(0.08, 0.0, n),
        action_valid=np.ones(n, bool),
        valid=np.ones(n, bool),
    )


def picture(y_m: float) -> np.ndarray:
    """A white square on grey where the hand is; 20 cm to either side are seen."""
    h, w = SIZE
    image = np.full((h, w, 3), 90, np.uint8)
    column = round((w - 1) / 2 + y_m / 0.2 * (w / 2 - 3))
    image[6:10, column - 1 : column + 3] = 250
    return image


def forks(count: int = 2, cameras: int = 2) -> Dataset:
    """So many episodes to either side, seen by the first one or both of SPEC's cameras."""
    spec = ObservationSpec(SPEC.cameras[:cameras])
    return Dataset(spec, [fork(side, name=f"{i}") for i in range(count) for side in (-1, 1)])
