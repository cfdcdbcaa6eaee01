"""The world behind the libfranka server, stepped here without a client."""

import os

import numpy as np
import pytest

pytest.importorskip("franky_sim")

from visuomotor.errors import RobotError
from visuomotor.sim import SimConfig
from visuomotor.sim.franka import FrankaWorld

HOSTNAME = f"127.78.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"


@pytest.fixture(scope="module")
def world():
    world = FrankaWorld(SimConfig(cameras=("front", "wrist")), HOSTNAME)
    yield world
    world.close()


def test_without_a_client_the_arm_stands_and_the_clock_goes(world):
    before = world.robot_state()
    world.advance(0.2)
    after = world.robot_state()
    assert after.stamp_ns - before.stamp_ns == 200_000_000
    np.testing.assert_allclose(after.T_base_ee, before.T_base_ee, atol=2e-3)
    np.testing.assert_allclose(after.T_base_ee[:3, :3], np.diag([1, -1, -1]), atol=0.01)
    assert after.gripper_width_m == pytest.approx(0.08, abs=1e-3)
    T_server = world.robot.state.O_T_EE
    np.testing.assert_allclose(np.reshape(T_server, (4, 4), "F"), after.T_base_ee, atol=3e-3)


def test_a_reset_places_the_cube_and_leaves_the_arm(world):
    world.advance(0.1)
    q = world.robot_state().q
    cubes = []
    for seed in (1, 2, 1):
        world.reset(seed, start_ns=5 * 10**18)
        assert world.time_ns == 5 * 10**18
        np.testing.assert_array_equal(world.robot_state().q, q)
        cubes.append(world.object_poses()["cube"])
    np.testing.assert_allclose(cubes[0], cubes[2], atol=1e-9)
    assert np.linalg.norm(cubes[0][:3, 3] - cubes[1][:3, 3]) > 1e-3


def test_it_is_drawn_like_every_world(world):
    frame = world.frame()
    assert frame.cameras["front"].color.std() > 10
    assert frame.cameras["wrist"].depth_mm.any()


@pytest.mark.parametrize(("task", "wait_s"), [("push_plate", 2.4), ("drape_rope", 0.3)])
def test_objects_are_pushed_and_laid_out_as_in_every_world(task, wait_s):
    world = FrankaWorld(SimConfig(task=task, cameras=("front",)), f"127.79{HOSTNAME[6:]}")
    name = world.task.objects[-1]
    world.reset(1)
    start = world.object_poses()[name]
    world.advance(wait_s)
    moved = np.linalg.norm(world.object_poses()[name][:2, 3] - start[:2, 3])
    assert (moved > 2e-3) == (task == "push_plate")  # by a wrench, not by itself
    world.reset(1)
    np.testing.assert_allclose(world.object_poses()[name], start, atol=1e-9)
    world.close()


def test_a_taken_address_says_what_to_do(world):
    with pytest.raises(RobotError, match=rf"cannot listen on {HOSTNAME}.*another loopback address"):
        FrankaWorld(SimConfig(cameras=("front",)), HOSTNAME)
