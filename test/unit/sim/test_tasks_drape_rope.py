"""The rope: bent by seed, joined, and solved only when it hangs over the bar by itself."""

from dataclasses import replace

import numpy as np
import pytest
from blind import blind, demonstrate

from visuomotor.sim.tasks import make_task
from visuomotor.sim.tasks.drape_rope import AREA, BAR_Y_M, BAR_Z_M, LINK_M, LINKS

ROPE = [f"rope_{i}" for i in range(LINKS)]


def places(objects):
    return np.array([objects[name][:3, 3] for name in ROPE])


def test_a_seed_bends_the_rope_the_same_way_whatever_was_before():
    world = blind("drape_rope")
    shapes = []
    for seed in (3, 4, 3):
        world.reset(seed)
        shapes.append(places(world.object_poses()))
        gaps = np.linalg.norm(np.diff(shapes[-1], axis=0), axis=1)
        np.testing.assert_allclose(gaps, LINK_M, atol=1e-9)
        for _ in range(10):
            world.step()
        np.testing.assert_allclose(places(world.object_poses())[:, 2], 0.006, atol=3e-3)
    np.testing.assert_array_equal(shapes[0], shapes[2])
    turned = [s - s[0] for s in shapes]
    assert np.abs(turned[0] - turned[1]).max() > 0.01


@pytest.mark.parametrize("region", ["interpolation", "extrapolation", "gaussian"])
def test_the_block_starts_before_the_bar(region):
    draws = [make_task("drape_rope").draw(np.random.default_rng(s), region)[0] for s in range(200)]
    offsets = np.array([d["block"][:2, 3] for d in draws]) - AREA.centre_m
    inside = (np.abs(offsets) <= AREA.half_m).all(axis=1)
    assert (inside != (region == "extrapolation")).all()
    assert (np.abs(offsets) <= AREA.outer_half_m).all()
    assert AREA.centre_m[1] + AREA.outer_half_m[1] < BAR_Y_M - 0.04


@pytest.fixture(scope="module")
def solved():
    world = blind("drape_rope")
    rollouts, refused = demonstrate(world, [601])
    assert rollouts[0].success
    assert refused == 0
    return world


def test_the_expert_leaves_the_rope_over_the_bar(solved):
    assert solved.success()
    links = places(solved.object_poses())
    assert links[:, 2].max() > BAR_Z_M
    assert links[0, 1] > BAR_Y_M > links[-1, 1]
    assert solved.robot_state().gripper_width_m > 0.05


def test_every_part_of_the_success_is_asked_for(solved):
    task, robot, objects = solved.task, solved.robot_state(), solved.object_poses()
    assert task.success(robot, objects)

    def moved(names, offset):
        changed = {k: T.copy() for k, T in objects.items()}
        for name in names:
            changed[name][:3, 3] += offset
        return changed

    assert not task.success(replace(robot, T_base_ee=objects["block"]), objects)  # not let go
    assert not task.success(robot, moved(ROPE, (0, 0, -0.06)))  # not over the bar
    assert not task.success(robot, moved(ROPE[-1:], (0, 0.2, 0)))  # pulled across
    assert not task.success(robot, moved(["block"], (0, 0, 0.05)))  # dangles
    assert not task.success(robot, moved(["block"], (0, -0.15, 0)))  # before the bar


def test_the_expert_has_no_memory_and_solves_the_ring_too():
    world = blind("drape_rope", region="extrapolation")
    rollouts, refused = demonstrate(world, [602])
    assert rollouts[0].success
    assert refused == 0
    expert, again = world.task.expert(), world.task.expert()
    state = world.robot_state(), world.object_poses()
    world.reset(603)
    expert.act(world.robot_state(), world.object_poses())
    np.testing.assert_array_equal(expert.act(*state).T_base_ee, again.act(*state).T_base_ee)
