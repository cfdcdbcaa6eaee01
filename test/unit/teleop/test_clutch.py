"""Axes by name, and a clutch that carries motion over without a jump."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.errors import ConfigError
from visuomotor.geometry import apply_delta, pose, pose_delta
from visuomotor.teleop.axes import POSE_AXES, AxisMap, no_faster_on_diagonals, shaped
from visuomotor.teleop.clutch import Clutch
from visuomotor.teleop.config import TeleopConfig
from visuomotor.teleop.frame import Frame
from visuomotor.teleop.registry import PHONE_AXES

HOME = pose(np.diag([1.0, -1.0, -1.0]), [0.4, 0.0, 0.3])
IDENTITY = AxisMap(POSE_AXES, POSE_AXES)


def test_rows_are_signed_sums_of_names() -> None:
    axes = AxisMap(["-b", " a - b ", "0", "", "a", "+b"], ["a", "b"])
    np.testing.assert_array_equal(axes([2.0, 3.0]), [-3, -1, 0, 0, 2, 3])


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (["left_x"] * 5, "got 5 entries, expected six"),
        (["lefft_x"] * 6, "unknown axis 'lefft_x'; did you mean 'left_x'"),
        (["left_x left_y"] * 6, "expected names with signs"),
        (["2"] * 6, "expected names with signs"),
        (["left_x-"] * 6, "expected names with signs"),
    ],
)
def test_other_rows_are_errors(rows, text) -> None:
    with pytest.raises(ConfigError, match=text):
        AxisMap(rows, ["left_x", "left_y"])


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=9), st.floats(0, 0.9), st.floats(0, 1))
def test_shaping_is_odd_monotone_and_keeps_the_ends(values, dead_zone, expo) -> None:
    got = shaped(sorted(values), dead_zone, expo)
    assert (np.diff(got) >= -1e-12).all()
    np.testing.assert_allclose(shaped(-np.array(sorted(values)), dead_zone, expo), -got)
    np.testing.assert_allclose(shaped([1.0, -1.0, dead_zone, 0.0], dead_zone, expo), [1, -1, 0, 0])


@given(st.tuples(*[st.floats(-3, 3)] * 6).map(np.array))
def test_diagonals_are_no_faster(rate) -> None:
    got = no_faster_on_diagonals(rate)
    assert max(np.linalg.norm(got[:3]), np.linalg.norm(got[3:])) <= 1 + 1e-12
    np.testing.assert_allclose(np.cross(got[:3], rate[:3]), 0.0, atol=1e-12)


def test_the_phones_axes_are_the_bases_and_turn_as_they_move() -> None:
    axes = AxisMap(PHONE_AXES, POSE_AXES).matrix
    move, turn = axes[:3, :3], axes[3:, 3:]
    np.testing.assert_array_equal(move, turn)
    np.testing.assert_allclose(move @ move.T, np.eye(3))
    assert np.linalg.det(move) == pytest.approx(1.0)
    np.testing.assert_array_equal(move @ [0, 0, -1], [1, 0, 0])  # away from you is forward


def test_motion_since_the_engagement_is_scaled_and_carried_over() -> None:
    clutch = Clutch(IDENTITY, Frame(), scale=0.5, rotation_scale=0.0)
    start = pose(None, [3.0, -2.0, 1.0])
    np.testing.assert_array_equal(clutch.follow(start, HOME), HOME)
    at = start
    for _ in range(10):
        at = apply_delta(at, [0.02, 0, 0, 0, 0, 0.1])
        wanted = clutch.follow(at, apply_delta(HOME, [0.3, 0.3, 0, 0, 0, 1.0]))
    np.testing.assert_allclose(pose_delta(HOME, wanted), [0.1, 0, 0, 0, 0, 0], atol=1e-9)
    clutch.release()
    np.testing.assert_array_equal(clutch.follow(at, HOME), HOME)
    assert clutch.jumps == 0


def test_a_device_that_leaps_is_engaged_anew() -> None:
    clutch = Clutch(IDENTITY, Frame())
    clutch.follow(np.eye(4), HOME)
    moved = apply_delta(HOME, [0.1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(clutch.follow(pose(None, [1.0, 0, 0]), moved), moved)
    assert clutch.jumps == 1
    wanted = clutch.follow(pose(None, [1.02, 0, 0]), moved)
    np.testing.assert_allclose(pose_delta(moved, wanted)[0], 0.02)


def test_a_turn_of_more_than_half_a_circle_does_not_flip() -> None:
    clutch, wanted = Clutch(IDENTITY, Frame(), rotation_scale=0.25), HOME
    for angle in np.arange(0.0, 4.0, 0.2):
        before, wanted = wanted, clutch.follow(apply_delta(np.eye(4), [0] * 5 + [angle]), HOME)
        assert np.linalg.norm(pose_delta(before, wanted)[3:]) < 0.06
    np.testing.assert_allclose(pose_delta(HOME, wanted)[5], 0.25 * 3.8)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"device": "phnoe"}, "unknown device 'phnoe'; did you mean 'phone'"),
        ({"frame": "hnad"}, "unknown frame 'hnad'; did you mean 'hand'"),
        ({"scale": 0.0}, "scale: got 0"),
        ({"rotation_scale": -1.0}, "rotation_scale"),
        ({"dead_zone": 1.0}, "dead_zone"),
        ({"timeout_s": 5.0}, "at most 1 s"),
        ({"token": "short"}, "fewer than 8"),
        ({"leash_m": 0.0}, "leash"),
        ({"port": 70000}, "port"),
    ],
)
def test_settings_that_cannot_be_are_errors(values, text) -> None:
    with pytest.raises(ValueError, match=text):
        TeleopConfig(**{"device": "phone", **values})
