"""Hulls of training configurations: membership proved by certificates and by simple shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.bench.study.hull import hull_2d, nearest_in_hull, outside_hull, uses_yaw

SEEDS = st.integers(0, 10_000)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 60), st.integers(1, 4))
def test_the_nearest_point_is_proved_by_its_half_space(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 1, (n, d)) + rng.normal(0, 1.5, d)
    x = nearest_in_hull(points)
    # No point of the hull is nearer: all lie beyond the plane through x across its direction.
    assert (points @ x).min() >= x @ x - 1e-9
    # And x is in the hull: no other plane separates it.
    assert np.linalg.norm(nearest_in_hull(points - x)) < 1e-6


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(3, 40))
def test_membership_in_the_plane_agrees_with_the_polygon(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    points, queries = rng.uniform(-1, 1, (n, 2)), rng.uniform(-1.2, 1.2, (40, 2))
    corners = hull_2d(points)
    edge = np.roll(corners, -1, 0) - corners
    to = queries[:, None] - corners[None]
    inside = (edge[:, 0] * to[..., 1] - edge[:, 1] * to[..., 0] >= 0).all(1)
    training = np.column_stack([points, np.zeros(n)]).tolist()
    asked = np.column_stack([queries, rng.uniform(-1, 1, 40)]).tolist()
    assert (outside_hull(training, asked) == ~inside).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_mixtures_are_inside_and_points_beyond_a_face_outside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    training = np.column_stack(
        [rng.uniform(0.6, 0.7, 30), rng.uniform(-0.2, 0.2, 30), rng.uniform(-0.5, 0.5, 30)]
    )
    mixed = rng.dirichlet(np.full(30, 0.3), 20) @ training
    assert not outside_hull(training.tolist(), mixed.tolist()).any()
    assert not outside_hull(training.tolist(), training.tolist()).any()
    beyond = training[[training[:, k].argmax() for k in range(3)]] + 1e-4 * np.eye(3)
    assert outside_hull(training.tolist(), beyond.tolist()).all()


def test_a_box_has_its_corners() -> None:
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0.5], [0.5, 0.0], [0, 0]], float)
    assert hull_2d(square).tolist() == [[0, 0], [1, 0], [1, 1], [0, 1]]
    assert hull_2d(np.array([[1.0, 2.0], [1.0, 2.0]])).tolist() == [[1.0, 2.0]]
    line = hull_2d(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]))
    assert sorted(map(tuple, line.tolist())) == [(0.0, 0.0), (2.0, 2.0)]


def cube(yaws: list[float]) -> list[list[float]]:
    return [[x, y, yaw] for x in (0.6, 0.7) for y in (-0.2, 0.2) for yaw in yaws]


def test_yaw_is_an_axis_where_it_varies_within_a_half_turn() -> None:
    middle = [0.65, 0.0]
    assert not uses_yaw(cube([0.0]))
    assert outside_hull(cube([0.0]), [[*middle, 3.0]]).tolist() == [False]
    assert uses_yaw(cube([-0.5, 0.5]))
    assert outside_hull(cube([-0.5, 0.5]), [[*middle, 0.4], [*middle, 0.6]]).tolist() == [
        False,
        True,
    ]
    everywhere = cube([-3.0, -1.5, 0.0, 1.5, 3.0])
    assert not uses_yaw(everywhere)
    assert outside_hull(everywhere, [[*middle, 2.2], [0.71, 0.0, 0.0]]).tolist() == [False, True]


def test_headings_across_the_half_turn_are_neighbours() -> None:
    training = cube([np.pi - 0.3, -np.pi + 0.3])
    assert uses_yaw(training)
    asked = [[0.65, 0.0, yaw] for yaw in (np.pi, -np.pi + 0.2, np.pi - 0.4, 0.0)]
    assert outside_hull(training, asked).tolist() == [False, False, True, True]


@pytest.mark.parametrize("count", [1, 2])
def test_few_demonstrations_have_a_hull_too(count: int) -> None:
    training = [[0.6, 0.0, 0.0], [0.7, 0.1, 0.0]][:count]
    assert outside_hull(training, training).tolist() == [False] * count
    assert outside_hull(training, [[0.65, 0.04, 0.0]]).tolist() == [True]
    assert outside_hull(training, []).tolist() == []
