"""SE(3): group axioms, round trips at every angle, deltas, and one pose like many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor import geometry as g

number = st.floats(-3.0, 3.0, allow_nan=False)
vector = st.tuples(number, number, number).map(np.array)
# 0, tiny, everywhere, and just short of half a turn
angle = st.one_of(
    st.just(0.0),
    st.floats(-14, -3).map(lambda e: 10.0**e),
    st.floats(0.0, 3.1),
    st.floats(-12, -2).map(lambda e: np.pi - 10.0**e),
)


def _unit(v):
    size = np.linalg.norm(v)
    return v / size if size > 1e-3 else np.array([0.0, 0.0, 1.0])


axis = vector.map(_unit)
rotvec = st.builds(lambda n, a: n * a, axis, angle)
rotation = rotvec.map(g.matrix_from_rotvec)
transform = st.builds(g.pose, rotation, vector)


@given(transform, transform, transform)
def test_poses_form_a_group(A, B, C):
    identity = np.eye(4)
    np.testing.assert_allclose(A @ g.inverse(A), identity, atol=1e-12)
    np.testing.assert_allclose(g.inverse(A) @ A, identity, atol=1e-12)
    np.testing.assert_allclose(g.inverse(A @ B), g.inverse(B) @ g.inverse(A), atol=1e-11)
    np.testing.assert_allclose((A @ B) @ C, A @ (B @ C), atol=1e-11)
    assert g.is_pose(A @ B @ C)


@given(transform, vector)
def test_transforming_points_is_the_matrix_product(T, p):
    np.testing.assert_allclose(g.transform_points(T, p), (T @ [*p, 1])[:3], atol=1e-12)
    moved = g.transform_points(T, np.stack([p, -p]))
    np.testing.assert_allclose(g.transform_points(g.inverse(T), moved), [p, -p], atol=1e-11)


@settings(max_examples=300)
@given(rotvec)
def test_rotation_vector_round_trip(r):
    R = g.matrix_from_rotvec(r)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    np.testing.assert_allclose(g.rotvec_from_matrix(R), r, atol=1e-8)
    assert g.rotation_angle(R) == pytest.approx(np.linalg.norm(r), abs=1e-8)


@given(axis)
def test_half_a_turn_keeps_its_axis_up_to_the_sign(n):
    r = g.rotvec_from_matrix(g.matrix_from_rotvec(np.pi * n))
    assert np.linalg.norm(r) == pytest.approx(np.pi)
    assert abs(r @ n) == pytest.approx(np.pi)


@given(rotation)
def test_quaternion_round_trip(R):
    q = g.quat_xyzw_from_matrix(R)
    assert np.linalg.norm(q) == pytest.approx(1.0)
    np.testing.assert_allclose(g.matrix_from_quat_xyzw(q), R, atol=1e-12)
    np.testing.assert_allclose(g.matrix_from_quat_xyzw(-5 * q), R, atol=1e-12)


def test_the_quaternion_ends_with_w():
    half = np.sqrt(0.5)
    R = g.matrix_from_quat_xyzw([0, 0, half, half])
    np.testing.assert_allclose(R @ [1, 0, 0], [0, 1, 0], atol=1e-12)


@given(transform, transform)
def test_a_delta_carries_one_pose_to_the_other(A, B):
    np.testing.assert_allclose(g.apply_delta(A, g.pose_delta(A, B)), B, atol=1e-7)
    np.testing.assert_array_equal(g.pose_delta(A, A)[:3], 0)


@given(transform, vector, rotvec)
def test_applying_a_delta_and_taking_it_are_inverse(A, d, r):
    delta = np.concatenate([d, r])
    np.testing.assert_allclose(g.pose_delta(A, g.apply_delta(A, delta)), delta, atol=1e-7)


def test_a_delta_lies_along_the_base_axes():
    A = g.pose(g.matrix_from_rotvec([np.pi / 2, 0, 0]), (1, 2, 3))
    B = g.apply_delta(A, [0.1, 0, 0, 0, 0, 0.2])
    np.testing.assert_allclose(B[:3, 3], (1.1, 2, 3))
    np.testing.assert_allclose(B[:3, :3], g.matrix_from_rotvec([0, 0, 0.2]) @ A[:3, :3])


@given(transform, transform, st.floats(0, 1))
def test_interpolation_has_its_ends_and_turns_evenly(A, B, alpha):
    np.testing.assert_allclose(g.interpolate_pose(A, B, 0.0), A, atol=1e-12)
    np.testing.assert_allclose(g.interpolate_pose(A, B, 1.0), B, atol=1e-7)
    middle = g.interpolate_pose(A, B, alpha)
    whole = g.rotation_angle(B[:3, :3] @ A[:3, :3].T)
    part = g.rotation_angle(middle[:3, :3] @ A[:3, :3].T)
    assert part == pytest.approx(alpha * whole, abs=1e-7)


@given(st.lists(rotvec, min_size=1, max_size=5), vector)
def test_many_at_once_are_what_each_is_alone(vectors, p):
    r = np.array(vectors)
    R = g.matrix_from_rotvec(r)
    q = g.quat_xyzw_from_matrix(R)
    back = g.matrix_from_quat_xyzw(q)
    rotvecs = g.rotvec_from_matrix(R)
    T = g.pose(R, p)
    deltas = g.pose_delta(T[0], T)
    for i in range(len(r)):
        np.testing.assert_allclose(g.matrix_from_rotvec(r[i]), R[i], atol=1e-13)
        np.testing.assert_allclose(g.quat_xyzw_from_matrix(R[i]), q[i], atol=1e-13)
        np.testing.assert_allclose(g.matrix_from_quat_xyzw(q[i]), back[i], atol=1e-13)
        np.testing.assert_allclose(g.rotvec_from_matrix(R[i]), rotvecs[i], atol=1e-13)
        np.testing.assert_allclose(g.pose(R[i], p), T[i], atol=0)
        np.testing.assert_allclose(g.pose_delta(T[0], T[i]), deltas[i], atol=1e-12)
        np.testing.assert_allclose(g.inverse(T[i]), g.inverse(T)[i], atol=1e-13)


@given(transform, st.integers(0, 3), st.integers(0, 3), st.sampled_from([np.nan, np.inf, 0.1]))
def test_what_is_no_pose_is_told_apart(T, row, column, flaw):
    assert g.is_pose(T)
    broken = T.copy()
    broken[row, column] = flaw if not np.isfinite(flaw) else broken[row, column] + 0.1
    translated = column == 3 and row < 3 and np.isfinite(flaw)
    assert g.is_pose(broken) == translated


def test_mirrors_and_other_shapes_are_no_poses():
    assert not g.is_pose(np.diag([1.0, 1.0, -1.0, 1.0]))
    assert not g.is_pose(np.eye(3))
    assert not g.is_pose(np.stack([np.eye(4)] * 2))
    assert not g.is_pose(2 * np.eye(4))
    assert not g.is_pose(np.zeros((4, 4)))


def test_results_are_copies():
    R, p = np.eye(3), np.zeros(3)
    T = g.pose(R, p)
    T[0, 0] = T[0, 3] = 7
    assert R[0, 0] == 1
    assert p[0] == 0
