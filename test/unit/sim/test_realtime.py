"""A world that follows a clock: here the clock is the test's."""

import threading
import time

import numpy as np
import pytest

from visuomotor.errors import ConfigError, RobotError
from visuomotor.geometry import pose
from visuomotor.sim import SimConfig, SimWorld
from visuomotor.sim.realtime import RealtimeWorld


class Clock:
    """A clock that stands until it is set on."""

    def __init__(self):
        self.now_ns = 10**18

    def __call__(self):
        return self.now_ns

    def run(self, seconds, world, tick_s=0.01):
        """Sets the clock on in steps and waits, with a bound, until the world has followed."""
        for _ in range(round(seconds / tick_s)):
            self.now_ns += round(tick_s * 1e9)
            wait(lambda: world.robot_state().stamp_ns > self.now_ns - 5_000_000)


def wait(condition, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the world did not follow its clock"
        time.sleep(0.0005)


@pytest.fixture
def running():
    clock, world = Clock(), SimWorld(SimConfig())
    realtime = RealtimeWorld(world, clock)
    realtime.start(3)
    yield clock, realtime
    realtime.close()
    assert not any(t.name == "physics" for t in threading.enumerate())


def test_it_follows_its_clock_and_waits_for_it(running):
    clock, world = running
    assert abs(world.robot_state().stamp_ns - clock.now_ns) < 1000
    clock.run(0.2, world)
    assert abs(world.robot_state().stamp_ns - clock.now_ns) < 1000
    stamp_ns, objects, solved, elapsed_s = world.truth()
    assert abs(stamp_ns - clock.now_ns) < 1000
    assert elapsed_s == pytest.approx(0.2)
    assert list(objects) == ["cube"]
    assert not solved
    assert world.late == 0


def test_a_clock_that_jumps_is_joined_without_a_race_to_catch_up(running):
    clock, world = running
    for jump_s in (30.0, -20.0):
        clock.now_ns += round(jump_s * 1e9)
        late = world.late
        wait(lambda n=late: world.late > n)
        wait(lambda: abs(world.robot_state().stamp_ns - clock.now_ns) <= 20_000_000)
    clock.run(0.05, world)


def test_references_far_from_the_arm_are_ignored_until_one_is_near(running):
    clock, world = running
    start = world.robot_state().T_base_ee
    away = start.copy()
    away[0, 3] += 0.05  # farther than 2 cm, nearer than 12: not before a near one came
    assert not world.follow(away)
    clock.run(0.1, world)
    np.testing.assert_allclose(world.robot_state().T_base_ee, start, atol=1e-3)
    assert world.follow(start)
    assert world.follow(away)
    clock.run(1.5, world)
    np.testing.assert_allclose(world.robot_state().T_base_ee[:3, 3], away[:3, 3], atol=4e-3)
    far = start.copy()
    far[1, 3] += 0.2
    assert not world.follow(far)
    nowhere = start.copy()
    nowhere[0, 3] = np.nan
    assert not world.follow(nowhere)


def test_a_reset_brings_the_start_back_and_disarms(running):
    clock, world = running
    start = world.robot_state()
    cube = world.truth()[1]["cube"]
    world.follow(start.T_base_ee)
    near = start.T_base_ee.copy()
    near[2, 3] -= 0.05
    world.follow(near)
    world.grip(0.0)
    clock.run(1.0, world)
    assert world.robot_state().gripper_width_m < 0.02
    world.reset(3)
    state = world.robot_state()
    np.testing.assert_array_equal(state.q, start.q)
    np.testing.assert_array_equal(world.truth()[1]["cube"], cube)
    assert state.gripper_width_m == pytest.approx(0.08)
    assert not world.follow(near)
    world.reset(4)
    assert not np.array_equal(world.truth()[1]["cube"], cube)


def test_physics_that_fails_is_not_silent(running, monkeypatch):
    clock, world = running

    def explode(duration_s):
        raise ArithmeticError("the solver diverged")

    monkeypatch.setattr(world._world, "advance", explode)
    clock.now_ns += 20_000_000
    wait(lambda: not world._thread.is_alive())
    with pytest.raises(RobotError, match="the simulation stopped: the solver diverged"):
        world.truth()


def test_success_is_remembered_until_the_reset():
    clock, world = Clock(), SimWorld(SimConfig())
    realtime = RealtimeWorld(world, clock)
    realtime.start(3)
    try:
        with realtime._lock:
            world.data.joint("cube").qpos[2] = 0.4
        clock.run(0.5, realtime)  # it falls back on the table
        assert realtime.truth()[1]["cube"][2, 3] < 0.1
        assert realtime.truth()[2]
        realtime.reset(3)
        assert not realtime.truth()[2]
    finally:
        realtime.close()


def test_every_step_is_told_once():
    clock, states = Clock(), []
    realtime = RealtimeWorld(SimWorld(SimConfig()), clock, states.append)
    realtime.start(3)
    try:
        clock.run(0.2, realtime)
        wait(lambda: len(states) == 20)
        stamps = np.array([s.stamp_ns for s in states])
        np.testing.assert_allclose(np.diff(stamps), 10_000_000, atol=10)
    finally:
        realtime.close()


def test_a_reset_chooses_start_and_goal_and_what_was_reached_is_kept():
    clock, world = Clock(), SimWorld(SimConfig(task="cross"))
    realtime = RealtimeWorld(world, clock)
    realtime.start(2)
    try:
        assert realtime.goals() == ("a>", "")
        realtime.reset(2, "b", "d")
        assert realtime.goals() == ("b>d", "")
        realtime.reset(2)
        assert realtime.goals() == ("b>d", "")  # as they were
        pad = realtime.truth()[1]["pad_c"][:3, 3]
        over = pose(np.diag([1.0, -1.0, -1.0]), (*pad[:2], 0.035))
        with realtime._lock:  # put there, as a policy would have gone there
            world.arm.reset(over)
        clock.run(0.6, realtime)
        assert realtime.goals() == ("b>d", "c")
        assert not realtime.truth()[2]  # another goal is no success
        with pytest.raises(ConfigError, match="unknown start of cross 'e'"):
            realtime.reset(2, "e")
    finally:
        realtime.close()
