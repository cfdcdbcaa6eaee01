"""What noise on the robot's state teaches: the same target in the world, from wherever."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from visuomotor.geometry import apply_delta, pose
from visuomotor.policies.heads import HeadConfig, PolicyHead, robot_inputs
from visuomotor.training.cloning import CloningConfig, cloning_loss
from visuomotor.training.samples import Samples, scales_of


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers this small run slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def approach_samples(n: int) -> tuple[Samples, torch.Tensor]:
    """Steps on one line above each object: nothing there tells feedback from a fixed step.

    And 16 points (N, 16, 3) of each object.
    """
    rng = np.random.default_rng(0)
    objects = np.array([0.5, 0, 0.02]) + rng.uniform(-0.1, 0.1, (n, 3)) * (1, 1, 0)
    corners = rng.uniform(-0.02, 0.02, (16, 3))
    R = np.diag([1.0, -1.0, -1.0])
    samples = Samples(
        np.stack([np.zeros(n, np.int64), np.arange(n)], 1),
        pose(R, objects + np.array([0.01, 0, 0.03])),
        pose(R, objects + np.array([0, 0, 0.02])),
        np.full(n, 0.08),
        rng.choice([0.0, 0.08], n),
    )
    return samples, torch.from_numpy((objects[:, None] + corners).astype(np.float32))


def response_m(noise_m: float) -> float:
    """How far the target moves in x when the hand is 2 cm further in x."""
    samples, points = approach_samples(400)
    config = CloningConfig(noise_position_m=noise_m, noise_point_m=0.0)
    scales = scales_of(samples, points, noise_m, config.noise_rotation_rad)
    torch.manual_seed(0)
    head = PolicyHead(HeadConfig(hidden=(64,), dropout=0.0), (16, 3))
    optimiser = torch.optim.Adam(head.parameters(), 3e-3)
    rng = np.random.default_rng(1)
    for _ in range(200):
        rows = rng.integers(400, size=64)
        seen, mask = points[torch.from_numpy(rows)], np.ones(64, bool)
        loss, _ = cloning_loss(head, seen, samples, rows, mask, scales, config, rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    def targets(x: float) -> np.ndarray:
        T = apply_delta(samples.T_base_ee, np.array([x, 0, 0, 0, 0, 0]))
        with torch.no_grad():
            outputs, _ = head(head.inputs(points, robot_inputs(T, samples.width_m), scales))
        return apply_delta(T, (outputs[:, :6] * scales.delta).double().numpy())[:, 0, 3]

    return float(np.abs(targets(0.01) - targets(-0.01)).mean())


def test_noise_teaches_feedback_to_the_same_target() -> None:
    assert response_m(noise_m=0.01) < 0.005
    assert response_m(noise_m=0.0) > 0.01
