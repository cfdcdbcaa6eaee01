"""observe: crops and sizes with intrinsics true to the image, depth that never mixes surfaces."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visuomotor.contracts import CameraFrame, RobotState, SyncedFrame
from visuomotor.errors import DataError
from visuomotor.geometry import PinholeCamera, inverse, pose, transform_points
from visuomotor.observations import (
    CameraSpec,
    ObservationSpec,
    check_cameras,
    depth_m_from_mm,
    observe,
    view_camera,
)

CAMERA = PinholeCamera.from_fovy(160, 120, 0.7)
T_BASE_CAMERA = pose(np.diag([1.0, -1.0, -1.0]), (0.5, 0.0, 1.0))


def frame_with(color=None, depth_mm=None, **names):
    color = np.zeros((120, 160, 3), np.uint8) if color is None else color
    robot = RobotState(7, np.eye(4), np.zeros(7), np.zeros(7), 0.04)
    cameras = {"front": CameraFrame(color, depth_mm, CAMERA, T_BASE_CAMERA)}
    return SyncedFrame(7, {**cameras, **names}, robot)


def spec_of(**fields):
    return ObservationSpec((CameraSpec("front", **{"depth": False, **fields}),))


fraction = st.floats(0.0, 0.3)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.45, 0.55),
    st.floats(0.45, 0.55),
    st.tuples(fraction, fraction, st.floats(0.65, 0.7), st.floats(0.65, 0.7)),
    st.integers(48, 200),
    st.integers(48, 200),
)
def test_a_known_point_lands_on_its_pixels(a, b, crop, height, width):
    pixel = np.array([a * 159, b * 119])
    v, u = np.mgrid[:120, :160]
    blob = np.exp(-((u - pixel[0]) ** 2 + (v - pixel[1]) ** 2) / (2 * 3.0**2))
    color = np.repeat(np.round(250 * blob).astype(np.uint8)[..., None], 3, axis=2)
    p_base = transform_points(T_BASE_CAMERA, CAMERA.deproject(pixel, 0.9))

    spec = spec_of(crop=crop, height=height, width=width)
    view = observe(frame_with(color), spec).views["front"]

    assert view.color.shape == (height, width, 3)
    seen = PinholeCamera.from_matrix(width, height, view.K)
    expected = seen.project(transform_points(inverse(view.T_base_camera), p_base))
    weight = view.color[..., 0].astype(float)
    rows, columns = np.mgrid[:height, :width]
    centre = [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()]
    np.testing.assert_allclose(centre, expected, atol=0.35)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(8, 240),
    st.integers(8, 240),
    st.tuples(fraction, fraction, st.floats(0.2, 0.7), st.floats(0.2, 0.7)),
    st.integers(0, 2**32 - 1),
)
def test_depth_is_only_ever_a_measured_value_of_the_pixel_there(height, width, crop, seed):
    depth = np.random.default_rng(seed).choice([0, 400, 1500], (120, 160)).astype(np.uint16)
    spec = spec_of(height=height, width=width, crop=crop, depth=True)
    view = observe(frame_with(depth_mm=depth), spec).views["front"]
    assert view.depth_m.dtype == np.float32
    assert set(np.unique(view.depth_m)) <= set(depth_m_from_mm(np.unique(depth)))
    seen = PinholeCamera.from_matrix(width, height, view.K)
    for i, j in ((0, 0), (height // 2, width // 3), (height - 1, width - 1)):
        u, v = CAMERA.project(seen.deproject([j, i], 1.0))
        # within half a source pixel of the very spot: any of those next to a tie may be meant
        near = {
            round(float(depth[y, x]) * 1e-3, 6)
            for y in {int(np.ceil(v - 0.51)), int(np.floor(v + 0.51))}
            for x in {int(np.ceil(u - 0.51)), int(np.floor(u + 0.51))}
            if 0 <= y < 120 and 0 <= x < 160
        }
        assert round(float(view.depth_m[i, j]), 6) in near


def test_nothing_measured_stays_nothing():
    depth = depth_m_from_mm(np.array([[0, 1, 65535]], np.uint16))
    np.testing.assert_allclose(depth, [[0.0, 0.001, 65.535]])


def test_an_unchanged_size_is_the_very_image():
    color = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    view = observe(frame_with(color), spec_of()).views["front"]
    np.testing.assert_array_equal(view.color, color)
    np.testing.assert_allclose(view.K, CAMERA.matrix)
    assert view.depth_m is None


def test_the_robot_comes_along():
    observation = observe(frame_with(), spec_of())
    assert observation.stamp_ns == 7
    assert observation.gripper_width_m == 0.04
    np.testing.assert_array_equal(observation.T_base_ee, np.eye(4))


def test_a_missing_camera_is_named_with_the_near_ones():
    spec = ObservationSpec((CameraSpec("frnt"),))
    with pytest.raises(DataError, match="unknown camera 'frnt'; did you mean 'front'"):
        observe(frame_with(), spec)
    with pytest.raises(DataError, match=r"bag x: unknown camera 'frnt'.*Known: side"):
        check_cameras(["side"], spec, "bag x")


def test_missing_depth_says_what_to_do():
    with pytest.raises(DataError, match=r"no depth in this set.*record with depth or train"):
        observe(frame_with(), spec_of(depth=True))


def test_sizes_that_disagree_are_refused():
    with pytest.raises(DataError, match="got a 80x60 image, expected the 160x120"):
        observe(frame_with(np.zeros((60, 80, 3), np.uint8)), spec_of())
    with pytest.raises(DataError, match=r"got depth \(60, 80\), expected \(120, 160\) aligned"):
        observe(frame_with(depth_mm=np.zeros((60, 80), np.uint16)), spec_of(depth=True))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"crop": (0.5, 0.0, 0.6, 1.0)}, "as fractions inside"),
        ({"crop": (0.0, 0.0, 0.0, 1.0)}, "as fractions inside"),
        ({"height": 4}, "expected at least 8x8"),
        ({"width": 2**63}, "at most 8192x8192"),
        ({"crop": (0.0, float("nan"), 1.0, 1.0)}, "fractions inside"),
    ],
)
def test_impossible_specs_are_refused(fields, text):
    with pytest.raises(ValueError, match=text):
        spec_of(**fields)
    with pytest.raises(ValueError, match="expected distinct names"):
        ObservationSpec((CameraSpec("a"), CameraSpec("a")))


def test_the_view_of_a_camera_is_that_of_its_images():
    spec = CameraSpec("front", 60, 60, (0.1, 0.0, 0.5, 1.0), depth=False)
    seen = view_camera(CAMERA, spec)
    view = observe(frame_with(), ObservationSpec((replace(spec),))).views["front"]
    np.testing.assert_array_equal(seen.matrix, view.K)
    assert (seen.height, seen.width) == view.color.shape[:2]
