"""The pinhole camera: projection and back, resizing and cropping true to the half-pixel rule."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.geometry import PinholeCamera
from visuomotor.geometry.pinhole import map_pixels

focal = st.floats(20, 2000)
camera = st.builds(
    lambda w, h, fx, fy, a, b: PinholeCamera(w, h, fx, fy, a * w, b * h),
    st.integers(16, 1280),
    st.integers(16, 720),
    focal,
    focal,
    st.floats(0.2, 0.8),
    st.floats(0.2, 0.8),
)
point = st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(0.05, 5)).map(np.array)


@given(camera, point)
def test_deprojection_undoes_projection(c, p):
    np.testing.assert_allclose(c.deproject(c.project(p), p[2]), p, atol=1e-9)


@given(camera, point)
def test_projection_is_the_camera_matrix(c, p):
    u, v, w = c.matrix @ p
    np.testing.assert_allclose(c.project(p), [u / w, v / w], rtol=1e-9, atol=1e-6)
    assert PinholeCamera.from_matrix(c.width, c.height, c.matrix.ravel()) == c


@given(camera, point, st.floats(0.1, 4), st.integers(0, 9), st.integers(0, 9))
def test_resizing_and_cropping_commute_with_projection(c, p, scale, x0, y0):
    width, height = max(1, round(c.width * scale)), max(1, round(c.height * scale))
    u, v = c.cropped(x0, y0, c.width - x0, c.height - y0).project(p)
    np.testing.assert_allclose([u + x0, v + y0], c.project(p), atol=1e-6)
    u, v = c.project(p)
    expected = [map_pixels(u, width / c.width), map_pixels(v, height / c.height)]
    np.testing.assert_allclose(c.resized(width, height).project(p), expected, rtol=1e-9, atol=1e-6)


@given(st.floats(-10, 2000), st.floats(0.05, 8), st.floats(0.05, 8))
def test_resizing_twice_is_resizing_once(u, a, b):
    assert map_pixels(map_pixels(u, a), b) == pytest.approx(map_pixels(u, a * b), abs=1e-6)
    assert map_pixels(map_pixels(u, a), 1 / a) == pytest.approx(u, abs=1e-6)


@pytest.mark.parametrize("size", [(80, 60), (320, 240), (107, 53)])
def test_opencv_resizes_by_the_same_rule(size):
    """A linear ramp of pixel coordinates, resized, must read the coordinates map_pixels gives."""
    width, height = 160, 120
    ramp = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    small = cv2.resize(ramp, size, interpolation=cv2.INTER_LINEAR)[size[1] // 2]
    scale = size[0] / width
    old = map_pixels(np.arange(size[0]), 1 / scale)
    inside = (old >= 0) & (old <= width - 1)
    np.testing.assert_allclose(small[inside], old[inside], atol=2e-3)


def test_the_whole_image_keeps_its_corners():
    c = PinholeCamera.from_fovy(160, 120, 0.7)
    edge = c.deproject([-0.5, -0.5], 1.0)
    np.testing.assert_allclose(c.resized(80, 60).project(edge), [-0.5, -0.5])
    assert np.arctan2(-edge[1], 1.0) == pytest.approx(0.35)


def test_a_depth_image_deprojects_pixel_by_pixel():
    c = PinholeCamera(16, 12, 20.0, 22.0, 7.0, 5.0)
    depth = np.random.default_rng(0).uniform(0.1, 2, (12, 16))
    points = c.deproject_image(depth)
    assert points.shape == (12, 16, 3)
    np.testing.assert_allclose(points[3, 9], c.deproject([9, 3], depth[3, 9]))
    v, u = np.mgrid[:12, :16]
    np.testing.assert_allclose(c.project(points), np.stack([u, v], -1), atol=1e-9)


def test_behind_the_camera_there_are_no_pixels():
    c = PinholeCamera(16, 12, 20.0, 20.0, 7.5, 5.5)
    assert np.isnan(c.project([0.0, 0.0, -1.0])).all()
    assert np.isnan(c.project([[0, 0, 1.0], [0, 0, 0.0]])[1]).all()


@pytest.mark.parametrize(
    "values", [(0, 12, 1, 1), (16, -1, 1, 1), (16, 12, 0, 1), (16, 12, 1, np.nan)]
)
def test_impossible_intrinsics_are_refused(values):
    with pytest.raises(ValueError, match="expected positive numbers; calibrate"):
        PinholeCamera(*values, 0.0, 0.0)
    with pytest.raises(ValueError, match="not finite"):
        PinholeCamera(16, 12, 1.0, 1.0, np.inf, 0.0)
