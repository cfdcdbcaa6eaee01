"""Stack and tool use: regions, what counts as solved, experts, the line that stops the hand."""

import numpy as np
import pytest
from blind import blind, demonstrate, put

from visuomotor.geometry import pose
from visuomotor.sim.tasks import make_task, stack, tool_use
from visuomotor.sim.tasks.motion import POINTING_DOWN

AREAS = {
    ("stack", "cube"): stack.CUBE_AREA,
    ("stack", "plate"): stack.PLATE_AREA,
    ("tool_use", "cube"): tool_use.CUBE_AREA,
    ("tool_use", "ring"): tool_use.RING_AREA,
    ("tool_use", "tool"): tool_use.TOOL_AREA,
}
UPRIGHT = (1.0, 0.0, 0.0, 0.0)
AWAY = pose(POINTING_DOWN, (0.45, 0.0, 0.3))


def settled(world):
    """Whether the task counts as solved once everything has come to rest."""
    world.arm.reset(AWAY)
    world.set_reference(AWAY)
    for _ in range(16):
        world.step()
    return world.success()


@pytest.mark.parametrize(("task", "name"), AREAS)
@pytest.mark.parametrize("region", ["interpolation", "extrapolation"])
def test_every_object_has_a_region_of_its_own(task, name, region):
    area = AREAS[task, name]
    draws = [make_task(task).draw(np.random.default_rng(s), region)[0] for s in range(300)]
    apart = np.abs(np.array([d[name][:2, 3] for d in draws]) - area.centre_m)
    inside = (apart <= area.half_m).all(axis=1)
    assert inside.all() == (region == "interpolation")
    assert inside.any() == (region == "interpolation")
    assert (apart <= np.maximum(area.half_m, area.outer_half_m)).all()
    # the objects are drawn one by one: where one is does not tell where the others are
    names = list(draws[0])
    both = np.array([[d[n][0, 3] for n in names] for d in draws])
    assert np.abs(np.corrcoef(both.T) - np.eye(len(names))).max() < 0.2


@pytest.mark.parametrize("task", ["stack", "tool_use"])
def test_objects_lie_still_and_the_task_is_not_solved(task):
    for region in ("interpolation", "extrapolation"):
        world = blind(task, region=region)
        for seed in range(3):
            world.reset(seed)
            before = world.object_poses()
            assert set(before) == set(world.task.objects)
            for _ in range(4):
                world.step()
            for name, T in world.object_poses().items():
                np.testing.assert_allclose(T, before[name], atol=2e-3)
            assert not world.success()


@pytest.mark.parametrize(
    ("offset_m", "solved"),
    [((0, 0, 0), True), ((0.028, 0, 0), True), ((0, 0.042, 0), False), ((0.12, 0, 0), False)],
)
def test_the_cube_must_rest_on_the_plate(offset_m, solved):
    world = blind("stack")
    world.reset(0)
    plate = world.object_poses()["plate"][:3, 3]
    put(world, "cube", np.add(plate, offset_m) + np.array([0, 0, 0.03]), UPRIGHT)
    assert settled(world) == solved


def test_a_cube_on_the_plate_that_the_hand_has_not_left_does_not_count():
    world = blind("stack")
    world.reset(0)
    plate = world.object_poses()["plate"][:3, 3]
    put(world, "cube", np.add(plate, (0, 0, 0.028)), UPRIGHT)
    around = pose(POINTING_DOWN, np.add(plate, (0, 0, 0.03)))
    world.arm.reset(around)
    world.set_reference(around)
    for _ in range(16):
        world.step()
    assert stack.on_plate(world.object_poses())
    assert not world.success()


@pytest.mark.parametrize(
    ("offset_m", "solved"),
    [((0, 0, 0), True), ((0.01, -0.005, 0), True), ((0.045, 0, 0.02), False)],
)
def test_the_cube_must_stand_in_the_ring(offset_m, solved):
    world = blind("tool_use")
    world.reset(0)
    ring = world.object_poses()["ring"][:3, 3]
    put(world, "cube", np.add(ring, offset_m) + np.array([0, 0, 0.016]), UPRIGHT)
    assert settled(world) == solved


def test_the_line_stops_the_hand_and_nothing_else():
    world = blind("tool_use")
    world.reset(1)
    put(world, "cube", (0.9, 0.3, 0.02), UPRIGHT)  # out of the way
    start = world.robot_state().T_base_ee
    for _ in range(60):  # as a target leads the hand
        ahead = world.robot_state().T_base_ee[:3, 3] + (0.015, 0.0, 0.0)
        world.set_reference(pose(start[:3, :3], ahead))
        world.step()
    assert 0.55 < world.robot_state().T_base_ee[0, 3] < tool_use.LINE_X_M + 0.01
    for name, at in (("cube", (0.64, 0.0, 0.02)), ("tool", (0.5, -0.17, 0.011))):
        put(world, name, at, UPRIGHT)  # the tool reaches through the wall
    for _ in range(10):
        world.step()
    assert np.linalg.norm(world.object_poses()["cube"][:2, 3] - (0.64, 0.0)) < 2e-3
    assert np.linalg.norm(world.object_poses()["tool"][:2, 3] - (0.5, -0.17)) < 2e-3


@pytest.mark.parametrize("task", ["stack", "tool_use"])
@pytest.mark.parametrize("region", ["interpolation", "extrapolation"])
def test_the_expert_solves_a_handful_of_starts(task, region):
    rollouts, refused = demonstrate(blind(task, region=region), range(640, 642))
    assert [r.seed for r in rollouts if not r.success] == []
    assert refused == 0


def test_the_hook_is_fixed_to_the_tool():
    world = blind("tool_use")
    world.reset(4)
    poses = world.object_poses()
    local = np.linalg.inv(poses["tool"]) @ poses["hook"]
    np.testing.assert_allclose(local[:3, 3], (*tool_use.HOOK_M, 0.0), atol=1e-9)


def test_no_start_has_the_cube_in_the_tool():
    task, rng = make_task("tool_use"), np.random.default_rng(0)
    for _ in range(2000):
        objects, _ = task.draw(rng, "extrapolation")
        cube, tool = objects["cube"][:2, 3], objects["tool"][:2, 3]
        apart = np.abs(cube - tool - tool_use.CROSSBAR_M)
        reach = np.array([0.0, tool_use.CROSSBAR_M[1]]) + tool_use.BAR_M / 2
        assert (apart > reach + tool_use.CUBE_M / 2).any()
