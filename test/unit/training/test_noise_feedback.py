"""What noise on the robot's state teaches: the same target in the world, from wherever."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from visuomotor.geometry import apply_delta, pose
from visuomotor.policies.dense.config import DensePolicyConfig
from visuomotor.policies.dense.head import DenseHead
from visuomotor.policies.dense.policy import robot_inputs
from visuomotor.training.dense import DenseTrainingConfig, Samples, policy_loss, scales_of


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Layers this small run slower on more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def approach_samples(n: int) -> Samples:
    """Steps on one line above each object: nothing there tells feedback from a fixed step."""
    rng = np.random.default_rng(0)
    objects = np.array([0.5, 0, 0.02]) + rng.uniform(-0.1, 0.1, (n, 3)) * (1, 1, 0)
    corners = rng.uniform(-0.02, 0.02, (16, 3))
    R = np.diag([1.0, -1.0, -1.0])
    return Samples(
        (objects[:, None] + corners).astype(np.float32),
        pose(R, objects + np.array([0.01, 0, 0.03])),
        pose(R, objects + np.array([0, 0, 0.02])),
        np.full(n, 0.08),
        rng.choice([0.0, 0.08], n),
    )


def response_m(noise_m: float) -> float:
    """How far the target moves in x when the hand is 2 cm further in x."""
    samples = approach_samples(400)
    config = DenseTrainingConfig(dropout=0.0, noise_position_m=noise_m, noise_keypoint_m=0.0)
    scales = scales_of(samples, config)
    torch.manual_seed(0)
    head = DenseHead(DensePolicyConfig(hidden=(64,), dropout=0.0))
    optimiser = torch.optim.Adam(head.parameters(), 3e-3)
    rng = np.random.default_rng(1)
    for _ in range(200):
        loss, _ = policy_loss(head, samples, rng.integers(400, size=64), scales, config, rng)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def targets(x: float) -> np.ndarray:
        T = apply_delta(samples.T_base_ee, np.array([x, 0, 0, 0, 0, 0]))
        with torch.no_grad():
            delta, _ = head(torch.from_numpy(samples.points), robot_inputs(T, samples.width_m))
        return apply_delta(T, (delta * scales.delta).double().numpy())[:, 0, 3]

    return float(np.abs(targets(0.01) - targets(-0.01)).mean())


def test_noise_teaches_feedback_to_the_same_target() -> None:
    assert response_m(noise_m=0.01) < 0.005
    assert response_m(noise_m=0.0) > 0.01
