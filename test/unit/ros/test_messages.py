"""Messages give back what they were made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sensor_msgs.msg")

from visuomotor.errors import CalibrationError, DataError
from visuomotor.geometry import PinholeCamera, matrix_from_rotvec, pose
from visuomotor.ros import messages

STAMPS = st.integers(0, 2**31 * 10**9 - 1)
NUMBERS = st.floats(-3, 3)
VECTORS = st.tuples(NUMBERS, NUMBERS, NUMBERS)
SEVEN = st.lists(NUMBERS, min_size=7, max_size=7)


@given(STAMPS)
def test_stamps_keep_every_nanosecond(stamp_ns: int) -> None:
    assert messages.stamp_ns_of(messages.pose_msg(np.eye(4), stamp_ns)) == stamp_ns


@given(VECTORS, VECTORS)
def test_poses_and_transforms(rotvec, position) -> None:
    T = pose(matrix_from_rotvec(rotvec), position)
    there = messages.pose_msg(T, 5)
    assert there.header.frame_id == "fr3_link0"
    np.testing.assert_allclose(messages.pose_from_msg(there), T, atol=1e-12)
    moved = messages.transform_msg(T, 5, "base", "camera")
    assert (moved.header.frame_id, moved.child_frame_id) == ("base", "camera")
    np.testing.assert_allclose(messages.transform_from_msg(moved), T, atol=1e-12)


@pytest.mark.parametrize("length", [0.0, 0.1, 5.0, np.nan])
def test_a_quaternion_that_is_none_is_an_error(length: float) -> None:
    msg = messages.pose_msg(np.eye(4), 0)
    msg.pose.orientation.w = length
    with pytest.raises(DataError, match=r"quaternion .* expected unit length"):
        messages.pose_from_msg(msg)


def test_non_finite_positions_come_through_to_who_counts_them() -> None:
    msg = messages.pose_msg(np.eye(4), 0)
    msg.pose.position.x = float("nan")
    assert np.isnan(messages.pose_from_msg(msg)[0, 3])


@given(st.integers(1, 4000), st.integers(1, 4000), st.floats(1, 1e4), st.floats(1, 1e4))
def test_cameras(width: int, height: int, fx: float, fy: float) -> None:
    camera = PinholeCamera(width, height, fx, fy, width / 3, height / 5)
    assert messages.camera_from_info(messages.camera_info_msg(camera, 1, "c")) == camera


def test_an_uncalibrated_camera_is_an_error() -> None:
    msg = messages.camera_info_msg(PinholeCamera(2, 2, 1, 1, 0, 0), 0, "front")
    msg.k = [0.0] * 9
    with pytest.raises(CalibrationError, match=r"'front'.*calibrate"):
        messages.camera_from_info(msg)


@given(SEVEN, SEVEN, st.none() | st.floats(0, 0.08), st.randoms())
def test_joints_in_any_order_with_and_without_fingers(q, dq, width, random) -> None:
    msg = messages.joint_state_msg(q, dq, 7, width)
    order = list(range(len(msg.name)))
    random.shuffle(order)
    msg.name = [msg.name[i].replace("fr3", "panda") for i in order]
    msg.position = [msg.position[i] for i in order]
    msg.velocity = [msg.velocity[i] for i in order]
    got_q, got_dq = messages.joints_from_msg(msg)
    np.testing.assert_array_equal(got_q, q)
    np.testing.assert_array_equal(got_dq, dq)
    if width is not None:
        assert messages.gripper_width_from_msg(msg) == pytest.approx(width)


def test_joints_without_velocities_stand_still() -> None:
    msg = messages.joint_state_msg(np.arange(7.0), np.ones(7), 0)
    msg.velocity = []
    np.testing.assert_array_equal(messages.joints_from_msg(msg)[1], np.zeros(7))


def test_joints_without_names_are_the_arm() -> None:
    msg = messages.joint_state_msg(np.arange(7.0), np.zeros(7), 0)
    msg.name = []
    np.testing.assert_array_equal(messages.joints_from_msg(msg)[0], np.arange(7.0))


def test_missing_joints_are_named() -> None:
    msg = messages.joint_state_msg(np.zeros(7), np.zeros(7), 0)
    msg.name = msg.name[:6]
    msg.position = list(msg.position)[:6]
    with pytest.raises(DataError, match=r"fr3_joint6.*expected seven"):
        messages.joints_from_msg(msg)
    with pytest.raises(DataError, match="expected two finger joints"):
        messages.gripper_width_from_msg(msg)


@given(st.floats(0, 0.08))
def test_state_has_half_the_width_per_finger_and_commands_the_whole(width: float) -> None:
    state = messages.gripper_msg(width, 3)
    assert list(state.position) == [width / 2, width / 2]
    assert messages.gripper_width_from_msg(state) == pytest.approx(width)
    command = messages.gripper_command_msg(width, 3)
    assert messages.gripper_command_from_msg(command) == width
    command.position = []
    with pytest.raises(DataError, match="full width"):
        messages.gripper_command_from_msg(command)


def test_diagnostics() -> None:
    groups = {"front/color": {"rate_hz": 20.0, "drops": 3}, "robot": {}}
    msg = messages.diagnostics_msg(groups, 9, messages.WARN, "late")
    assert messages.diagnostics_from_msg(msg) == {
        "front/color": {"rate_hz": "20", "drops": "3"},
        "robot": {},
    }
    assert {(s.level, s.message) for s in msg.status} == {(messages.WARN, "late")}
