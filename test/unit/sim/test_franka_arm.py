"""The lean arm says what franky-sim's own says, and its bytes are franky-sim's bytes."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("franky_sim")

from franky_sim.mujoco_simulator import MujocoSimulator

from visuomotor.sim.franka_arm import LeanSimulator, StateBytes


def moved(kind, milliseconds):
    """The arm after so many steps under torques that sway, read at the last one alone."""
    simulator = kind()
    simulator.init()
    robot = simulator.add_robot()
    simulator.start()
    for i in range(milliseconds):
        robot.torque_control(np.sin(0.01 * i) * np.array([9, -8, 7, 6, 3, 2, 1.0]))
        simulator.step()
    return robot


@pytest.mark.parametrize("milliseconds", [1, 7, 60])
def test_its_motion_is_franky_sims(milliseconds):
    lean, own = (moved(kind, milliseconds) for kind in (LeanSimulator, MujocoSimulator))
    assert lean.inner_state == own.inner_state
    assert np.abs(lean.inner_state.dq).max() > 1e-6
    expected = dataclasses.asdict(own.state)
    for name, value in dataclasses.asdict(lean.state).items():
        if name[0] != "d" and "dd" not in name and "dP" not in name:  # of filtered differences
            assert np.allclose(value, expected[name], atol=1e-9), name
    assert lean.desired_torques == own.state.tau_J_d


def test_its_state_can_be_read_twice():
    robot = moved(LeanSimulator, 5)
    assert robot.state == robot.state


def test_written_fields_are_where_franky_sim_puts_them():
    state = moved(LeanSimulator, 3).state
    written = StateBytes(state)
    values = tuple(np.random.default_rng(3).normal(size=16).tolist())
    for field in dataclasses.fields(state):
        old = getattr(state, field.name)
        if not isinstance(old, tuple) or not isinstance(old[0], float) or "total" in field.name:
            continue
        n = {"F_x_Cee": 3, "F_x_Cload": 3, "O_ddP_O": 3}.get(field.name, len(old))
        if n > 16:
            continue
        state = state.replace(**{field.name: values[:n]})
        assert written.write(**{field.name: values[:n]}) == state.pack_state(), field.name
