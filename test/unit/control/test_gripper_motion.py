"""When a hand moves and when it grasps, and which wrench stops an arm."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visuomotor.contracts import MAX_GRIPPER_WIDTH_M
from visuomotor.control.backends.contact_config import ContactConfig
from visuomotor.control.backends.gripper_config import GripperConfig
from visuomotor.control.backends.gripper_motion import motion_to
from visuomotor.control.wrench import WrenchWatch, given_way
from visuomotor.geometry import apply_delta, rotation_angle

CONFIG = GripperConfig()
widths = st.floats(-0.05, 0.15)


@given(widths, st.one_of(st.floats(0.0, 0.08), st.just(math.nan)))
def test_only_closing_to_a_narrow_width_presses(wish: float, present: float) -> None:
    motion = motion_to(wish, present, CONFIG)
    assert 0.0 <= motion.width_m <= MAX_GRIPPER_WIDTH_M
    assert motion.speed == CONFIG.gripper_speed
    opens = max(wish, 0.0) >= present
    if motion.force_n is None:
        assert opens or wish > CONFIG.grasp_below_m
        assert motion.width_m == min(max(wish, 0.0), MAX_GRIPPER_WIDTH_M)
    else:
        assert not opens
        assert wish <= CONFIG.grasp_below_m
        assert (motion.width_m, motion.force_n) == (0.0, CONFIG.gripper_force_n)
        assert motion.epsilon_m >= present or math.isnan(present)  # anything held is a success


def test_the_thresholds_are_the_configs() -> None:
    config = GripperConfig(grasp_below_m=0.01, gripper_force_n=7.0, gripper_speed=0.05)
    assert motion_to(0.02, 0.08, config).force_n is None
    assert motion_to(0.005, 0.08, config).force_n == 7.0
    assert motion_to(0.0, math.nan, config).force_n == 7.0  # not known yet: an object may be there


MS = 1_000_000
forces = st.lists(st.floats(0.0, 60.0), min_size=1, max_size=40)


@given(forces)
def test_a_wrench_stops_the_arm_when_it_lasts_and_not_before(norms: list[float]) -> None:
    config = ContactConfig(stop_time_s=0.02)
    watch = WrenchWatch(config)
    above = 0
    for i, norm in enumerate(norms):
        wrench = np.array([0.0, norm, 0.0, 0.0, 0.0, 0.0])
        above = above + 1 if norm > config.stop_force_n else 0
        said = watch.look(wrench, i * 10 * MS)
        assert bool(said) == (above >= 3)  # 20 ms lie between three samples 10 ms apart
        if said:
            assert f"{norm:.0f} N" in said


def test_torque_stops_too_and_nonsense_does_not() -> None:
    watch = WrenchWatch(ContactConfig())
    twist = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 11.0])
    assert not watch.look(twist, 0)
    assert not watch.look(np.full(6, math.nan), 15 * MS)
    assert not watch.look(twist, 30 * MS)
    assert "11.0 Nm" in watch.look(twist, 50 * MS)
    watch.reset()
    assert not watch.look(twist, 60 * MS)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_thresholds_that_cannot_stop_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="stop_time_s"):
        ContactConfig(stop_time_s=value)
    with pytest.raises(ValueError, match="homing_timeout_s"):
        GripperConfig(homing_timeout_s=value)


twists = st.tuples(*[st.floats(-0.5, 0.5)] * 6)


@given(twists)
def test_a_held_arm_gives_way_by_no_more_than_it_must(delta: tuple[float, ...]) -> None:
    anchor = apply_delta(np.eye(4), [0.4, 0.1, 0.3, 0.0, np.pi - 0.4, 0.2])
    measured = apply_delta(anchor, delta)
    held = given_way(anchor, measured, 0.02, 0.2)
    away = np.linalg.norm(measured[:3, 3] - anchor[:3, 3])
    turned = rotation_angle(anchor[:3, :3].T @ measured[:3, :3])
    stretch = np.linalg.norm(measured[:3, 3] - held[:3, 3])
    assert stretch == pytest.approx(min(away, 0.02), abs=1e-9)
    assert np.linalg.norm(held[:3, 3] - anchor[:3, 3]) == pytest.approx(away - stretch, abs=1e-9)
    twist = rotation_angle(held[:3, :3].T @ measured[:3, :3])
    assert twist == pytest.approx(min(turned, 0.2), abs=1e-6)
