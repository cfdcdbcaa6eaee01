"""The examples are what they are called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visuomotor.geometry import matrix_from_rotvec
from visuomotor.video.actions import ACTIONS
from visuomotor.video.demonstration import load_demonstration, save_demonstration
from visuomotor.video.examples import example_demonstration
from visuomotor.video.metrics import Trajectory, satisfied


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_example_satisfies_its_metric(action: str, seed: int, tmp_path: Path) -> None:
    d = example_demonstration(action, seed)
    save_demonstration(tmp_path / "d.npz", d)
    d = load_demonstration(tmp_path / "d.npz")
    static = np.tile([0.0, 0.0, 0.035], (len(d.touch), 1)) if ACTIONS[action].static else None
    rotation = matrix_from_rotvec(d.object_rotation)
    t = Trajectory(
        *(d.object_position, rotation, d.hand_azimuth, d.hand_elevation, 0.07, 0.045),
        *(static, 0.07, 0.045),
    )
    assert satisfied(action, t)
    assert (d.object_position[:, 2] >= 0.035 - 1e-9).all()
