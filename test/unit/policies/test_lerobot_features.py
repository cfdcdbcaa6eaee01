"""What LeRobot is given of poses, widths and depth says the same when it is read back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visuomotor.errors import CheckpointError
from visuomotor.geometry import matrix_from_rotvec, pose
from visuomotor.observations import CameraSpec, ObservationSpec
from visuomotor.policies.lerobot.features import (
    DEPTH_RANGE_M,
    NAMES,
    STATE,
    depth_image,
    depth_m_of_image,
    feature_shapes,
    narrowed,
    poses,
    vectors,
)

SPEC = ObservationSpec((CameraSpec("front", 24, 32), CameraSpec("wrist", 16, 16, depth=False)))
small = st.floats(-3, 3, allow_subnormal=False)


@given(arrays(float, (4, 6), elements=small), arrays(float, 4, elements=st.floats(0, 0.08)))
def test_poses_and_widths_come_back(values, widths) -> None:
    T = np.stack([pose(matrix_from_rotvec(v[:3]), v[3:]) for v in values])
    back, back_widths = poses(vectors(T, widths))
    np.testing.assert_allclose(back, T, atol=2e-6)
    np.testing.assert_allclose(back_widths, widths, atol=1e-7)


@given(arrays(float, (5, 10), elements=small))
def test_any_answer_is_a_rotation_or_not_finite(values) -> None:
    """A network's ten numbers never make a skewed or mirrored hand."""
    T, widths = poses(values)
    np.testing.assert_array_equal(widths, values[:, 9])
    for made in T[np.isfinite(T).all(axis=(1, 2))]:
        np.testing.assert_allclose(made[:3, :3].T @ made[:3, :3], np.eye(3), atol=1e-6)
        assert np.linalg.det(made[:3, :3]) == pytest.approx(1.0, abs=1e-6)


def test_a_rotation_without_direction_is_not_finite() -> None:
    parallel = np.array([0, 0, 0, 1, 0, 0, 2, 0, 0, 0.0])
    for values in (np.zeros(10), parallel):
        assert not np.isfinite(poses(values)[0]).all()


@given(arrays(np.float32, (3, 4), elements=st.floats(0, 3, width=32)))
def test_depth_keeps_its_order_and_its_holes(depth_m) -> None:
    image = depth_image(depth_m)
    assert image.shape == (3, 4, 3)
    assert image.dtype == np.uint8
    back = depth_m_of_image(image)
    np.testing.assert_array_equal(back == 0, depth_m == 0)
    seen = (depth_m >= DEPTH_RANGE_M / 255) & (depth_m <= DEPTH_RANGE_M)
    np.testing.assert_allclose(back[seen], depth_m[seen], atol=0.00393)
    order = np.argsort(depth_m, axis=None)
    assert (np.diff(image[..., 0].ravel()[order].astype(int)) >= 0).all()


def test_a_policy_sees_what_it_asks_for() -> None:
    inputs = {k: (c, h, w) for k, (h, w, c) in feature_shapes(SPEC).items()}
    assert narrowed(SPEC, {STATE: (len(NAMES),), **inputs}, "x") == SPEC
    wrist = narrowed(SPEC, {"observation.images.wrist": (3, 16, 16)}, "x")
    assert wrist.names == ("wrist",)
    blind = narrowed(SPEC, {"observation.images.front": (3, 24, 32)}, "x")
    assert not blind.cameras[0].depth


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"observation.images.side": (3, 24, 32)}, "images.side"),
        ({"observation.images.front": (3, 32, 24)}, r"front \(3, 32, 24\)"),
        ({STATE: (7,)}, r"state \(7,\)"),
        ({"observation.images.wrist_depth": (3, 16, 16)}, "wrist_depth"),
        ({STATE: (10,)}, "no image"),
    ],
    ids=["another camera", "another size", "joints", "no depth there", "no image"],
)
def test_other_inputs_are_refused(inputs, text) -> None:
    with pytest.raises(CheckpointError, match=text):
        narrowed(SPEC, inputs, "folder")
