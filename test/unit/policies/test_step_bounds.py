"""No policy steps farther than was demonstrated."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_dense import tiny_head, tiny_scales

from visuomotor.contracts import Observation
from visuomotor.geometry import pose, pose_delta
from visuomotor.policies.heads import HeadRunner
from visuomotor.policies.steps import longest_deltas, shortened_deltas

LONGEST = np.array([0.02, 0.1])


def test_longer_steps_keep_their_direction_and_shorter_ones_stay():
    rng = np.random.default_rng(0)
    deltas = rng.standard_normal((50, 4, 6)) * (0.02, 0.02, 0.02, 0.1, 0.1, 0.1)
    short = shortened_deltas(deltas, LONGEST)
    for part, most in ((slice(0, 3), 0.02), (slice(3, 6), 0.1)):
        before, after = (np.linalg.norm(d[..., part], axis=-1) for d in (deltas, short))
        np.testing.assert_allclose(after, np.minimum(before, most))
        direction = (deltas[..., part] * short[..., part]).sum(-1)
        np.testing.assert_allclose(direction, before * after)
    within = shortened_deltas(short, LONGEST)
    np.testing.assert_allclose(within, short, rtol=1e-12)


def test_each_step_of_a_chunk_has_its_own_bound():
    deltas = np.ones((3, 6))
    bounds = np.array([[0.01, 0.1], [0.02, 0.2], [10.0, 10.0]])
    np.testing.assert_allclose(
        np.linalg.norm(shortened_deltas(deltas, bounds)[:, :3], axis=1), [0.01, 0.02, 3**0.5]
    )


def test_what_is_not_finite_is_left_for_the_runtime_to_refuse():
    deltas = np.array([np.nan, 1, 1, np.inf, 0, 0])
    assert np.isfinite(shortened_deltas(deltas, LONGEST)).tolist() == np.isfinite(deltas).tolist()
    np.testing.assert_array_equal(shortened_deltas(np.zeros(6), LONGEST), np.zeros(6))


def test_the_bound_is_the_longest_that_counts():
    deltas = np.zeros((4, 2, 6))
    deltas[1, 0, 1], deltas[2, 1, 4], deltas[3, 1, 0] = 0.03, -0.2, 0.5
    valid = np.ones((4, 2))
    valid[3, 1] = 0
    np.testing.assert_allclose(longest_deltas(deltas, valid), [[0.03, 0], [0, 0.2]])
    np.testing.assert_allclose(longest_deltas(deltas), [[0.03, 0], [0.5, 0.2]])


@pytest.mark.parametrize("longest", [(0.001, 0.002), (0.0, 0.0)])
def test_a_head_that_wants_more_is_held_back(longest: tuple[float, float], tmp_path: Path):
    scales = replace(tiny_scales(), longest=torch.tensor(longest))
    down = pose(np.diag([1.0, -1.0, -1.0]), (0.5, 0.0, 0.2))
    observation = Observation(0, {}, down, 0.04, np.zeros(7))
    seen = torch.full((5, 3), 3.0)  # far from all that it knows
    free = HeadRunner(tiny_head(), tiny_scales()).act(seen, observation)
    held = HeadRunner(tiny_head(), scales).act(seen, observation)
    wanted, given = (pose_delta(down, a.T_base_ee) for a in (free, held))
    assert np.linalg.norm(wanted[:3]) > 0.001
    assert np.linalg.norm(given[:3]) <= longest[0] + 1e-9
    assert np.linalg.norm(given[3:]) <= longest[1] + 1e-9
    assert held.gripper_width_m == free.gripper_width_m
