"""robosuite's states, actions and cameras in our terms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visuomotor.errors import DataError
from visuomotor.geometry import inverse, pose_delta, rotation_angle
from visuomotor.interchange.lerobot_import import decoded, nearest_rows
from visuomotor.interchange.robosuite import (
    Controller,
    base_of,
    camera_of,
    commanded_widths_m,
    controller_of,
    targets,
    widths_m,
    world_poses,
)

MODEL = """<mujoco><worldbody>
 <body name="table" pos="0 0 0.8"><geom size=".1"/><body name="leg"/></body>
 <camera fovy="60" name="agentview" pos="0.5 0.1 1.35" quat="0.6 0.4 0.3 0.62"/>
 <body name="robot0_base" pos="-0.56 0 0.912" quat="0.9 0 0 0.43589">
  <geom size=".1"/><camera name="robot0_eye_in_hand" pos="0.05 0 0"/>
 </body>
</worldbody></mujoco>"""
unit = st.floats(-1, 1)


def test_a_standing_camera_is_where_mujoco_has_it() -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_string(MODEL)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    base, camera = model.body("robot0_base").id, model.camera("agentview").id
    T_world_base, T_world_camera = np.eye(4), np.eye(4)
    T_world_base[:3, :3], T_world_base[:3, 3] = data.xmat[base].reshape(3, 3), data.xpos[base]
    T_world_camera[:3, :3] = data.cam_xmat[camera].reshape(3, 3) @ np.diag([1, -1, -1])
    T_world_camera[:3, 3] = data.cam_xpos[camera]
    found = camera_of(MODEL, "agentview", 84, 60)
    np.testing.assert_allclose(base_of(MODEL), T_world_base, atol=1e-9)
    np.testing.assert_allclose(
        found.T_base_camera, inverse(T_world_base) @ T_world_camera, atol=1e-9
    )
    assert found.camera.fy == pytest.approx(30 / np.tan(np.deg2rad(30)))


def test_a_camera_that_moves_has_no_place() -> None:
    assert camera_of(MODEL, "robot0_eye_in_hand", 84, 84).T_base_camera is None
    assert camera_of(MODEL, "nowhere", 84, 84).T_base_camera is None


@given(arrays(float, (4, 7), elements=unit), arrays(float, (4, 4), elements=st.floats(0.1, 1)))
def test_a_step_is_as_long_as_the_controller_says(actions, quat) -> None:
    T = world_poses(np.arange(12.0).reshape(4, 3), quat / np.linalg.norm(quat, axis=1)[:, None])
    asked = targets(T, actions, Controller())
    moved = pose_delta(T, asked)
    np.testing.assert_allclose(moved[:, :3], 0.05 * actions[:, :3], atol=1e-9)
    np.testing.assert_allclose(moved[:, 3:], 0.5 * actions[:, 3:6], atol=1e-6)


def test_absolute_actions_are_targets() -> None:
    actions = np.array([[0.1, 0.2, 0.3, 0, 0, np.pi / 2, 1]])
    asked = targets(np.eye(4)[None], actions, Controller(delta=False))
    np.testing.assert_allclose(asked[0, :3, 3], [0.1, 0.2, 0.3])
    assert rotation_angle(asked[0, :3, :3]) == pytest.approx(np.pi / 2)


def test_controllers_are_read_from_both_versions() -> None:
    old = {"type": "OSC_POSE", "control_delta": True, "output_max": [0.1] * 3 + [0.2] * 3}
    assert controller_of({"env_kwargs": {"controller_configs": old}}).step[0] == 0.1
    new = {"body_parts": {"right": {"type": "OSC_POSE", "input_type": "absolute"}}}
    assert not controller_of({"env_kwargs": {"controller_configs": new}}).delta
    with pytest.raises(DataError, match="got 'JOINT_VELOCITY', expected OSC_POSE"):
        controller_of({"env_kwargs": {"controller_configs": {"type": "JOINT_VELOCITY"}}})


def test_fingers_are_full_widths() -> None:
    np.testing.assert_allclose(widths_m([[0.04, -0.04], [0.01, -0.01]]), [0.08, 0.02])
    np.testing.assert_allclose(commanded_widths_m([-1, 1, 0.2]), [0.08, 0, 0])


def test_a_state_in_the_world_is_moved_to_the_base() -> None:
    state = np.array([[-0.1, 0.2, 1.0, np.pi, 0, 0, 0.04, -0.04]])
    T, width, asked, closed = decoded(state, np.ones((1, 7)), "robosuite", (-0.56, 0, 0.912))
    np.testing.assert_allclose(T[0, :3, 3], [0.46, 0.2, 0.088])
    np.testing.assert_allclose(asked[0, :3, 3] - T[0, :3, 3], [0.05] * 3)
    assert (width[0], closed[0]) == (pytest.approx(0.08), 0.0)


@given(st.integers(1, 500), st.sampled_from([20.0, 25.0, 30.0, 50.0, 60.0]))
def test_thinned_rows_keep_time(count: int, fps: float) -> None:
    rows = nearest_rows(count, fps, "x")
    times = rows / fps
    np.testing.assert_array_less(np.abs(times - 0.05 * np.arange(len(rows))), 0.5 / fps + 1e-9)
    assert rows[-1] < count
    assert (count - 1) / fps - times[-1] < 0.05 + 0.5 / fps


def test_slow_datasets_are_refused() -> None:
    with pytest.raises(DataError, match="got 10 frames a second, expected 20"):
        nearest_rows(5, 10.0, "x")


def test_a_model_without_an_arm_or_numbers_is_refused() -> None:
    with pytest.raises(DataError, match="no body robot0_base"):
        base_of("<mujoco/>")
    with pytest.raises(DataError, match="not 3 numbers"):
        base_of('<body name="robot0_base" pos="1 2"/>')
