"""A depth image's points come where they are in base, with the colour of their pixel."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.console.cloud import MOST_POINTS, packed_cloud
from visuomotor.geometry import PinholeCamera, inverse, matrix_from_rotvec, pose, transform_points


@settings(deadline=None, max_examples=25)
@given(
    st.integers(3, 90),
    st.integers(3, 130),
    st.lists(st.floats(-1, 1), min_size=6, max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_points_project_back_onto_their_pixels(
    height: int, width: int, T: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    camera = PinholeCamera.from_fovy(width, height, 0.9)
    T_base_camera = pose(matrix_from_rotvec(T[:3]), T[3:])
    depth = rng.integers(0, 4000, (height, width)).astype(np.uint16)
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    color = np.stack([u, v, np.zeros_like(u)], axis=2).astype(np.uint8)
    packed = packed_cloud(color, depth, camera, T_base_camera)
    count, rest = divmod(len(packed), 9)
    assert rest == 0
    assert count <= 2 * MOST_POINTS
    points = np.frombuffer(packed, "<i2", 3 * count).reshape(-1, 3) * 1e-3
    colors = np.frombuffer(packed, np.uint8, offset=6 * count).reshape(-1, 3)
    in_camera = transform_points(inverse(T_base_camera), points)
    expected_m = depth[colors[:, 1], colors[:, 0]] * 1e-3
    assert (expected_m > 0).all()
    assert (expected_m < 2.5).all()
    np.testing.assert_allclose(in_camera[:, 2], expected_m, atol=1e-3)
    x = (colors[:, 0] - camera.cx) / camera.fx * expected_m
    np.testing.assert_allclose(in_camera[:, 0], x, atol=1.5e-3)


def test_a_large_picture_is_thinned() -> None:
    camera = PinholeCamera.from_fovy(1280, 720, 0.8)
    depth = np.full((720, 1280), 900, np.uint16)
    packed = packed_cloud(np.zeros((720, 1280, 3), np.uint8), depth, camera, np.eye(4))
    assert 0.5 * MOST_POINTS < len(packed) / 9 <= 1.1 * MOST_POINTS
