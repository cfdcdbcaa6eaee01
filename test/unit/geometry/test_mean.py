"""The mean of poses lies among them and is the interpolated one where there are two."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.geometry import (
    apply_delta,
    interpolate_pose,
    is_pose,
    matrix_from_rotvec,
    mean_pose,
    pose,
    pose_delta,
)

vectors = st.tuples(*[st.floats(-0.4, 0.4)] * 3).map(np.array)
near_poses = st.tuples(vectors, vectors).map(lambda t: pose(matrix_from_rotvec(t[0]), t[1]))


@settings(max_examples=100, deadline=None)
@given(near_poses, near_poses, st.floats(0.01, 0.99))
def test_of_two_poses_it_is_the_interpolated_one(a, b, share) -> None:
    mean = mean_pose([a, b], [1 - share, share])
    np.testing.assert_allclose(mean, interpolate_pose(a, b, share), atol=1e-10)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(near_poses, st.floats(0.1, 5.0)), min_size=1, max_size=6))
def test_it_balances_all_and_no_order_changes_it(weighted) -> None:
    poses = np.array([p for p, _ in weighted])
    weights = np.array([w for _, w in weighted])
    mean = mean_pose(poses, weights)
    assert is_pose(mean, 1e-9)
    np.testing.assert_allclose(weights @ pose_delta(mean, poses), 0, atol=1e-9)
    np.testing.assert_allclose(mean_pose(poses[::-1], 3 * weights[::-1]), mean, atol=1e-9)


def test_it_turns_with_the_poses() -> None:
    rng = np.random.default_rng(0)
    poses = apply_delta(np.eye(4), rng.normal(0, 0.2, (5, 6)))
    T = apply_delta(np.eye(4), np.array([0.1, 0.2, 0.3, 2.0, -1.0, 0.5]))
    weights = np.arange(1.0, 6.0)
    np.testing.assert_allclose(mean_pose(T @ poses, weights), T @ mean_pose(poses, weights))
